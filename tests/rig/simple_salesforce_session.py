"""simple-salesforce, unchanged, connected over TLS to the org of a file of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from simple_salesforce import Salesforce

from sfdata.localorg import LocalOrg


@pytest.fixture(scope="module")
def http(org: LocalOrg) -> Iterator[requests.Session]:
    """What the library sends by: it trusts the org's authority, whatever the environment says."""
    with requests.Session() as session:
        session.verify = str(org.ca_file)
        session.trust_env = False
        yield session


@pytest.fixture(scope="module")
def sf(org: LocalOrg, http: requests.Session) -> Salesforce:
    return Salesforce(instance_url=org.instance_url, session_id=org.access_token, session=http)
