"""A local org met as by anybody: plain HTTP over a socket, or its gateway called in this process.

`Rest` has the calls that tests make again and again; whatever is special about a request goes through httpx as it is.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from sfdata.localorg import LocalOrg, gateway

BASE = "/services/data/v66.0"


class Rest(httpx.Client):
    """HTTP to one org; with a token, on behalf of whom it was given to."""

    def __init__(self, org: LocalOrg, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        super().__init__(base_url=org.instance_url, headers=headers, trust_env=False)

    def created(self, name: str, **fields: Any) -> str:
        """The Id of a new record."""
        reply = self.post(f"{BASE}/sobjects/{name}", json=fields)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def records(self, soql: str, resource: str = "query") -> list[dict[str, Any]]:
        """The records on the first page of a query, without their attributes."""
        reply = self.get(f"{BASE}/{resource}", params={"q": soql})
        assert reply.status_code == 200, reply.text
        return [bare(record) for record in reply.json()["records"]]


def bare(record: dict[str, Any]) -> dict[str, Any]:
    """A record without its attributes."""
    return {name: value for name, value in record.items() if name != "attributes"}


class Caller:
    """Requests to one org, without a socket."""

    def __init__(self, org: LocalOrg) -> None:
        self.org = org

    def ask(self, method: str, target: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        text = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {"authorization": f"Bearer {self.org.access_token}", "content-type": "application/json", **headers}
        answer = gateway.answer(self.org.instance, method, target, given, text)
        return answer.status, json.loads(answer.body) if answer.body else None

    def count(self, sobject: str) -> int:
        """How many records of an object there are."""
        _, counts = self.ask("GET", f"{BASE}/limits/recordCount?sObjects={sobject}")
        return int(counts["sObjects"][0]["count"])
