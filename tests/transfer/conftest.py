"""A scripted org: answers by path, in order, over a stub wire; what was asked is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import parse_qs

import httpx
import pytest

from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import AccessToken
from sfdata.config import OrgConfig
from sfdata.resilience.budget import Budget
from sfdata.resilience.hooks import Hooks
from sfdata.transfer.soql_query import Soql
from sfdata.transport.http_session import HttpSession

URL = "https://acme.my.salesforce.com"
DATA = "/services/data/v67.0"


def describe(name, fields, children=()):
    return {
        "name": name,
        "fields": [{"name": f, "label": f, "type": t, "custom": False} for f, t in fields.items()],
        "childRelationships": [
            dict(zip(("relationshipName", "childSObject", "field"), c, strict=True)) for c in children
        ],
    }


class ScriptedOrg:
    """``pages`` maps a locator (or ``"q"`` for the first page) to the answers given for it, in order."""

    def __init__(self):
        self.objects = {
            "Account": describe("Account", {"Id": "id", "Name": "string"}, [("Contacts", "Contact", "AccountId")]),
            "Contact": describe("Contact", {"Id": "id", "Name": "string"}),
        }
        self.pages = {}
        self.asked = []
        self.resources = []
        self.events = []
        self.budget = Budget()

    def handle(self, request):
        path, query = request.url.path.removeprefix(DATA), parse_qs(request.url.query.decode())
        if path == "/sobjects":
            return httpx.Response(200, json={"sobjects": [{"name": name} for name in self.objects]})
        if path.startswith("/sobjects/"):
            known = self.objects.get(path.split("/")[2])
            missing = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
            return httpx.Response(200, json=known) if known else httpx.Response(404, json=missing)
        self.resources.append(path.split("/")[1])
        self.asked.append(query["q"][0] if "q" in query else path.rsplit("/", 1)[-1])
        answers = self.pages["q" if "q" in query else self.asked[-1]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return (
            answer if isinstance(answer, httpx.Response) else httpx.Response(200, content=json.dumps(answer).encode())
        )


@pytest.fixture
def org() -> ScriptedOrg:
    return ScriptedOrg()


@pytest.fixture
def soql(org) -> Iterator:
    """Makes a `Soql` against the scripted org."""
    config = OrgConfig(instance_url=URL)
    hooks = Hooks(org.events.append)
    wire = httpx.MockTransport(org.handle)
    flow = AccessToken(access_token="00D!x", instance_url=URL)
    with HttpSession(config, flow, wire=wire, hooks=hooks, budget=org.budget) as session:
        cache = DescribeCache(session)
        yield lambda text, params=None, **options: Soql(session, cache, hooks, text, params, **options)


@pytest.fixture
def page():
    """A page of records numbered from ``start``."""

    def build(start, stop, total, following=None, records=None):
        made = records if records is not None else [{"Id": f"{n:018}", "Name": f"n{n}"} for n in range(start, stop)]
        more = {"nextRecordsUrl": f"{DATA}/query/{following}"} if following else {}
        return {"totalSize": total, "done": following is None, **more, "records": made}

    return build
