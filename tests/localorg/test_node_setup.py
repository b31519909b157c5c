"""What the sf CLI and other Node clients ask of an org's setup: code, logs, packages, and APIs that it has not."""

from __future__ import annotations

from typing import Any

import pytest
from rig.local_rest import BASE, Rest


def ask(web: Rest, resource: str, soql: str) -> Any:
    reply = web.get(f"{BASE}/{resource}", params={"q": soql})
    assert reply.status_code == 200, reply.text
    return reply.json()


CODE = {
    "ApexClass": "SELECT Id, Name, ApiVersion, LengthWithoutComments, Body FROM ApexClass WHERE Status = 'Active'",
    "ApexComponent": "SELECT Id, Name, Markup FROM ApexComponent WHERE ControllerType = '1'",
    "ApexLog": "SELECT Id, LogUser.Username, Operation, StartTime FROM ApexLog ORDER BY StartTime DESC LIMIT 20",
    "ApexPage": "SELECT Id, MasterLabel, IsAvailableInTouch FROM ApexPage WHERE NamespacePrefix = null",
    "ApexTrigger": "SELECT Id, Name, TableEnumOrId, UsageBeforeInsert FROM ApexTrigger WHERE UsageIsBulk = true",
    "StaticResource": "SELECT Id, Name, ContentType, BodyLength FROM StaticResource WHERE CacheControl = 'Public'",
}


@pytest.mark.parametrize("name", CODE)
def test_code_is_listed_and_queried_like_data(web: Rest, name: str) -> None:
    """MCP servers and extractors ask the data API for code: an org without any answers no rows, not INVALID_TYPE."""
    listed = {entry["name"]: entry for entry in web.get(f"{BASE}/sobjects").json()["sobjects"]}
    assert (listed[name]["queryable"], listed[name]["createable"]) == (True, False)
    assert ask(web, "query", CODE[name]) == {"totalSize": 0, "done": True, "records": []}
    described = web.get(f"{BASE}/sobjects/{name}/describe").json()
    assert described["fields"][0]["name"] == "Id"
    assert described["urls"]["sobject"] == f"{BASE}/sobjects/{name}"


@pytest.mark.parametrize("name", ["ApexClass", "ApexTrigger", "ApexPage", "ApexComponent", "ApexLog", "StaticResource"])
def test_code_is_known_to_the_tooling_api_too(web: Rest, name: str) -> None:
    """The same objects stand in both APIs, and are of the same prefix."""
    described = web.get(f"{BASE}/tooling/sobjects/{name}/describe").json()
    assert described["keyPrefix"] == web.get(f"{BASE}/sobjects/{name}/describe").json()["keyPrefix"]
    assert ask(web, "tooling/query", f"SELECT Id FROM {name}")["totalSize"] == 0


@pytest.mark.parametrize(
    "soql",
    [
        # sf apex list log
        "SELECT Id, Application, DurationMilliseconds, Location, LogLength, LogUser.Name, Operation, Request, "
        "StartTime, Status FROM ApexLog ORDER BY StartTime DESC",
        # what IDEs list
        "SELECT Id, Name, NamespacePrefix, CreatedBy.Name, LastModifiedBy.Name FROM ApexClass ORDER BY Name",
        "SELECT DeveloperName, LastModifiedBy.Username FROM CustomField WHERE TableEnumOrId = 'Account'",
        # sf package installed list
        "SELECT Id, SubscriberPackage.Name, SubscriberPackageVersion.Name, SubscriberPackageVersion.MajorVersion, "
        "SubscriberPackageVersion.IsPasswordProtected, SubscriberPackageVersion.Package2ContainerOptions "
        "FROM InstalledSubscriberPackage",
    ],
)
def test_the_tooling_api_follows_lookups_to_people(web: Rest, soql: str) -> None:
    """Definitions, code and logs lead to the users who made them, as in every org."""
    assert ask(web, "tooling/query", soql)["done"] is True


@pytest.mark.parametrize(
    ("path", "name"),
    [("/services/Soap/s/68.0/00Dxx0000000001", "Apex API (SOAP)"), ("/services/scim/v1/Users", "SCIM")],
)
def test_whole_apis_are_refused_by_their_names(web: Rest, path: str, name: str) -> None:
    """``sf apex run`` and ``sf org create user`` end with the name of what is missing, not with a bare 404."""
    reply = web.post(path, content=b"<x/>", headers={"Content-Type": "text/xml"})
    assert (reply.status_code, name in reply.text) == (501, True)
