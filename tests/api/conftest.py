"""A session on a stub org that answers by path."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from sfdata.auth import AccessToken
from sfdata.config import OrgConfig
from sfdata.localorg import LocalOrg
from sfdata.resilience.retry import RetryPolicy
from sfdata.transport.http_session import HttpSession
from sfdata.transport.wire import LiveWire

MY_DOMAIN = "https://acme.my.salesforce.com"
NOT_FOUND = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]


class StubOrg(httpx.BaseTransport):
    """Answers from a table of paths: bytes, values, ready answers, or functions of the request."""

    def __init__(self):
        self.resources = {}
        self.seen = []

    def handle_request(self, request):
        request.read()
        self.seen.append(request)
        answer = self.resources.get(request.url.path)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, httpx.Response):
            return answer
        if answer is None:
            return httpx.Response(404, json=NOT_FOUND)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return httpx.Response(200, content=content, headers={"content-type": "application/json;charset=UTF-8"})


@pytest.fixture
def org():
    return StubOrg()


@pytest.fixture
def session(org):
    flow = AccessToken(access_token="00DAA000000000A!given", instance_url=MY_DOMAIN)
    with HttpSession(OrgConfig(MY_DOMAIN), flow, wire=org, retry=RetryPolicy(sleep=lambda seconds: None)) as opened:
        yield opened


# --- the local org over a wire that loses things ---------------------------------------------------------------------

SCHEMA = """
[Account.fields]
Code__c = { type = "text", length = 40, external_id = true }
Share__c = { type = "percent", precision = 18, scale = 4 }
Checked__c = { type = "date" }
"""


@pytest.fixture(scope="session")
def local_org(tmp_path_factory):
    """An empty local org whose accounts have a key that is not unique, ``Code__c``, beside the unique ``Ext__c``."""
    schema = tmp_path_factory.mktemp("schema") / "schema.toml"
    schema.write_text(SCHEMA)
    with LocalOrg(sample_data=False, schema=schema) as running:
        yield running


class FaultyWire(httpx.BaseTransport):
    """The network, but for ``faults``: what becomes of the next requests that write, one after another.

    ``"lose answer"``, ``"cut answer"`` and ``"reset"`` are done by the org first; ``"no connection"`` is not sent; an
    answer stands in place of the org's; a function makes it from the org's JSON; None lets it pass.
    """

    def __init__(self):
        self.wire = LiveWire()
        self.faults = []
        self.sent = []

    def handle_request(self, request):
        if request.method == "GET" or "/oauth2/" in request.url.path:
            return self.wire.handle_request(request)
        self.sent.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if fault == "no connection":
            raise httpx.ConnectError("nobody there")
        if isinstance(fault, httpx.Response):
            return fault
        answer = self.wire.handle_request(request)
        if fault is None:
            return answer
        content = answer.read()
        answer.close()
        if fault == "cut answer":
            headers = {"content-type": "application/json", "content-length": "500"}
            return httpx.Response(answer.status_code, headers=headers, stream=httpx.ByteStream(content[:9]))
        if callable(fault):
            return httpx.Response(answer.status_code, json=fault(json.loads(content)))
        if isinstance(fault, int):
            return httpx.Response(fault, json=[{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}])
        raise httpx.ReadError(fault)

    def close(self):
        self.wire.close()


@pytest.fixture
def wire():
    return FaultyWire()


@pytest.fixture
def live(local_org, wire):
    """A session on the local org by way of the faulty wire, patient without waiting. All faults must come to pass."""
    url = local_org.instance_url
    flow = AccessToken(access_token=local_org.access_token, instance_url=url)
    with HttpSession(OrgConfig(url), flow, wire=wire, retry=RetryPolicy(sleep=lambda seconds: None)) as opened:
        yield opened
    assert wire.faults == []


@pytest.fixture
def oracle(local_org):
    """Records that the org really has, asked past everything that is tested."""
    with httpx.Client(headers={"Authorization": f"Bearer {local_org.access_token}"}, trust_env=False) as client:

        def query(soql):
            url = f"{local_org.instance_url}/services/data/v66.0/query"
            rows = client.get(url, params={"q": soql}).json()["records"]
            return [{name: value for name, value in row.items() if name != "attributes"} for row in rows]

        yield query


@pytest.fixture
def tag():
    """Text that no other record has."""
    return uuid.uuid4().hex[:12]
