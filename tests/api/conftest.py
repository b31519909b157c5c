"""A session on a stub org that answers by path."""

from __future__ import annotations

import json

import httpx
import pytest

from sfdata.auth import AccessToken
from sfdata.config import OrgConfig
from sfdata.resilience.retry import RetryPolicy
from sfdata.transport.http_session import HttpSession

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
