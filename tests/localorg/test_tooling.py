"""The Tooling API and the definitions: what clients ask at login, and the schema as rows."""

from __future__ import annotations

from typing import Any

import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg.definitions import data_type
from sfdata.localorg.objects import standard_schema

SCHEMA = """
[Site__c]
label = "Site"

[Site__c.fields.Account__c]
type = "lookup"
to = "Account"

[Site__c.fields.Place__c]
type = "location"
"""

pytestmark = pytest.mark.local_org(schema=SCHEMA)


def tooling(web: Rest, soql: str, **more: str) -> Any:
    reply = web.get(f"{BASE}/tooling/query/", params={"q": soql, **more})
    assert reply.status_code == 200, reply.text
    return reply.json()


def rows(web: Rest, soql: str) -> list[dict[str, Any]]:
    return web.records(soql, "tooling/query/")


# --- what clients ask at login ---------------------------------------------------------------------------------------


def test_a_page_has_the_members_of_tooling(web: Rest) -> None:
    """As recorded: size and totalSize, no locator, and the name of the records' type, or null without records."""
    page = tooling(web, "SELECT Id, DeveloperName FROM CustomObject")
    (record,) = page.pop("records")
    assert page == {
        "size": 1,
        "totalSize": 1,
        "done": True,
        "queryLocator": None,
        "entityTypeName": "CustomObject",
    }
    url = f"{BASE}/tooling/sobjects/CustomObject/{record['Id']}"
    assert record == {"attributes": {"type": "CustomObject", "url": url}, "Id": record["Id"], "DeveloperName": "Site"}
    assert web.get(url).json()["DeveloperName"] == "Site"
    assert tooling(web, "SELECT Id FROM ApexClass") == {
        "size": 0,
        "totalSize": 0,
        "done": True,
        "queryLocator": None,
        "entityTypeName": None,
        "records": [],
    }


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT SubscriberPackage.Id, SubscriberPackage.NamespacePrefix, SubscriberPackageVersionId "
        "FROM InstalledSubscriberPackage",
        "SELECT MemberName, MemberType, RevisionCounter FROM SourceMember WHERE IsNameObsolete = false",
        "SELECT Id, Name, NamespacePrefix FROM ApexTrigger WHERE Status = 'Active'",
        "SELECT Id FROM TraceFlag WHERE DebugLevel.DeveloperName = 'x' AND ExpirationDate > TODAY",
        "SELECT Id, LogUserId FROM ApexLog ORDER BY StartTime DESC LIMIT 1",
        "SELECT ValidationName, Active FROM ValidationRule WHERE EntityDefinition.QualifiedApiName = 'Account'",
        "SELECT Id, Status, ExtendedStatus, ApexClass.Name FROM ApexTestQueueItem WHERE Status = 'Failed'",
        "SELECT Outcome, RunTime, (SELECT Soql, Cpu, Dml FROM ApexTestResults) FROM ApexTestResult",
        "SELECT ApexClassOrTrigger.Name, NumLinesCovered FROM ApexCodeCoverageAggregate "
        "ORDER BY ApexClassOrTrigger.Name ASC",
        "SELECT PercentCovered FROM ApexOrgWideCoverage",
    ],
)
def test_an_org_without_code_has_none(web: Rest, soql: str) -> None:
    """The queries of clients are understood and answered by no records."""
    assert tooling(web, soql)["records"] == []


def test_the_data_api_describes_the_definitions_it_can_query(web: Rest) -> None:
    """EntityDefinition and its kin are among the org's objects, with a describe; what is Tooling's alone is not."""
    entries = {entry["name"]: entry for entry in web.get(f"{BASE}/sobjects").json()["sobjects"]}
    for name in ("EntityDefinition", "FieldDefinition", "EntityParticle", "PicklistValueInfo"):
        assert (entries[name]["queryable"], entries[name]["createable"], entries[name]["custom"]) == (
            True,
            False,
            False,
        )
        described = web.get(entries[name]["urls"]["describe"]).json()
        assert described["name"] == name
        columns = ",".join(field["name"] for field in described["fields"])
        query = {"q": f"SELECT {columns} FROM {name} LIMIT 1"}
        assert web.get(f"{BASE}/query", params=query).json()["totalSize"] == 1
        assert web.get(f"{BASE}/sobjects/{name}").json()["objectDescribe"] == entries[name]
    assert "ValidationRule" not in entries
    assert web.get(f"{BASE}/sobjects/ValidationRule/describe").status_code == 404


def test_users_and_the_organization_are_here_too(web: Rest) -> None:
    """The same records as by the data API, under Tooling's addresses."""
    for name in ("Organization", "User", "Profile"):
        (here, *_), (there, *_) = (
            web.get(f"{BASE}{place}/query", params={"q": f"SELECT Id, Name FROM {name}"}).json()["records"]
            for place in ("/tooling", "")
        )
        assert here["attributes"]["url"] == f"{BASE}/tooling/sobjects/{name}/{there['Id']}"
        assert (here["Id"], here["Name"]) == (there["Id"], there["Name"])
        for url in (here["attributes"]["url"], here["attributes"]["url"][:-3]):
            assert web.get(url, params={"fields": "Name"}).json()["Name"] == here["Name"]


def test_columns_are_described_as_by_the_data_api(web: Rest) -> None:
    """The sf CLI asks for them before it shows a table of Tooling's records."""
    soql = "SELECT QualifiedApiName, EntityDefinition.Label FROM FieldDefinition"
    answer = tooling(web, soql, columns="true")
    assert [column["columnName"] for column in answer["columnMetadata"]] == ["QualifiedApiName", "EntityDefinition"]
    assert "size" in tooling(web, soql, columns="false")


def test_business_data_are_not(web: Rest) -> None:
    """INVALID_TYPE for Account here, and for ScratchOrgInfo in the data API: this is no Dev Hub."""
    for path, name in ((f"{BASE}/tooling/query", "Account"), (f"{BASE}/query", "ScratchOrgInfo")):
        reply = web.get(path, params={"q": f"SELECT Id FROM {name} limit 1"})
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALID_TYPE")


# --- definitions -----------------------------------------------------------------------------------------------------


def test_every_object_is_defined(web: Rest) -> None:
    """EntityDefinition has a row for each object of describe global, and says of it what that says."""
    described = {entry["name"]: entry for entry in web.get(f"{BASE}/sobjects").json()["sobjects"]}
    defined = rows(
        web,
        "SELECT QualifiedApiName, DurableId, Label, PluralLabel, KeyPrefix, IsQueryable, IsSearchable, IsLayoutable "
        "FROM EntityDefinition",
    )
    assert {row["QualifiedApiName"] for row in defined} == set(described)
    for row in defined:
        entry = described[row["QualifiedApiName"]]
        assert (row["Label"], row["PluralLabel"], row["KeyPrefix"]) == (
            entry["label"],
            entry["labelPlural"],
            entry["keyPrefix"],
        )
        assert (row["IsQueryable"], row["IsSearchable"]) == (entry["queryable"], entry["searchable"])
        assert row["DurableId"] == entry["name"] or (entry["custom"] and row["DurableId"].startswith("01I"))


@pytest.mark.parametrize("name", ["Account", "Contact", "Site__c"])
def test_every_field_is_defined(web: Rest, name: str) -> None:
    """FieldDefinition has the fields of describe but not the parts of compound ones, EntityParticle has all."""
    described = {field["name"]: field for field in web.get(f"{BASE}/sobjects/{name}/describe").json()["fields"]}
    fields = rows(
        web,
        "SELECT QualifiedApiName, Label, Length, IsNillable, EntityDefinition.Label FROM FieldDefinition "
        f"WHERE EntityDefinition.QualifiedApiName = '{name}'",
    )
    whole = {field for field in described if described[field]["compoundFieldName"] in (None, field)}
    assert {row["QualifiedApiName"] for row in fields} == whole
    for row in fields:
        field = described[row["QualifiedApiName"]]
        assert (row["Label"], row["Length"], row["IsNillable"]) == (field["label"], field["length"], field["nillable"])
    particles = rows(
        web,
        "SELECT QualifiedApiName, DataType, FieldDefinition.QualifiedApiName FROM EntityParticle "
        f"WHERE EntityDefinition.QualifiedApiName = '{name}'",
    )
    assert {row["QualifiedApiName"]: row["DataType"] for row in particles} == {
        field: described[field]["type"] for field in described
    }
    for row in particles:
        part_of = described[row["QualifiedApiName"]]["compoundFieldName"] or row["QualifiedApiName"]
        assert row["FieldDefinition"]["QualifiedApiName"] == part_of


def test_picklists_are_defined(web: Rest) -> None:
    """PicklistValueInfo has the values of describe in their order."""
    described = web.get(f"{BASE}/sobjects/Account/describe").json()["fields"]
    (industry,) = (field for field in described if field["name"] == "Industry")
    values = rows(
        web,
        "SELECT Value, IsActive FROM PicklistValueInfo WHERE EntityParticle.QualifiedApiName = 'Industry' "
        "AND EntityParticle.EntityDefinition.QualifiedApiName = 'Account'",
    )
    assert values == [{"Value": v["value"], "IsActive": v["active"]} for v in industry["picklistValues"]]


def test_custom_ones_have_ids(web: Rest) -> None:
    """CustomObject and CustomField rows lead to the definitions by their Ids."""
    (site,) = rows(web, "SELECT DurableId FROM EntityDefinition WHERE QualifiedApiName = 'Site__c'")
    fields = rows(
        web,
        "SELECT Id, DeveloperName, TableEnumOrId, EntityDefinition.QualifiedApiName FROM CustomField "
        "WHERE DeveloperName IN ('Account', 'Place')",
    )
    assert {(f["DeveloperName"], f["TableEnumOrId"]) for f in fields} == {
        ("Account", site["DurableId"]),
        ("Place", site["DurableId"]),
    }
    for field in fields:
        durable = f"{site['DurableId']}.{field['Id'][:15]}"
        (found,) = rows(web, f"SELECT QualifiedApiName FROM FieldDefinition WHERE DurableId = '{durable}'")
        assert found["QualifiedApiName"] == f"{field['DeveloperName']}__c"
        assert field["EntityDefinition"]["QualifiedApiName"] == "Site__c"


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("Account.Name", "Text(255)"),
        ("Account.OwnerId", "Lookup(User)"),
        ("Account.Description", "Long Text Area(32000)"),
        ("Account.BillingStreet", "Text Area(255)"),
        ("Account.AnnualRevenue", "Currency(18, 0)"),
        ("Account.Industry", "Picklist"),
        ("Account.IsDeleted", "Checkbox"),
        ("Account.Id", "Lookup()"),
        ("Account.BillingAddress", "Address"),
        ("Contact.Name", "Name"),
        ("Contact.Email", "Email"),
        ("Case.CaseNumber", "Auto Number"),
        ("Task.WhoId", "Lookup(Contact,Lead)"),
        ("Opportunity.CloseDate", "Date"),
    ],
)
def test_types_read_as_in_setup(field: str, kind: str) -> None:
    """Text(255), Lookup(User), Currency(18, 0) …"""
    object_name, _, name = field.partition(".")
    sobject = standard_schema().object(object_name)
    assert sobject is not None
    found = sobject.field(name)
    assert found is not None
    assert data_type(found) == kind


def test_the_data_api_knows_definitions_too(web: Rest) -> None:
    """In its own form and under its own addresses; children, counts and plans as for any object."""
    soql = (
        "SELECT DurableId, (SELECT QualifiedApiName FROM Fields WHERE QualifiedApiName = 'Name') FROM EntityDefinition"
    )
    page = web.get(f"{BASE}/query", params={"q": f"{soql} WHERE QualifiedApiName = 'Lead'"}).json()
    assert set(page) == {"totalSize", "done", "records"}
    (record,) = page["records"]
    assert record["attributes"]["url"] == f"{BASE}/sobjects/EntityDefinition/Lead"
    assert record["Fields"]["records"][0]["QualifiedApiName"] == "Name"
    count = "SELECT COUNT() FROM FieldDefinition WHERE EntityDefinitionId = 'Lead'"
    fields = web.get(f"{BASE}/sobjects/Lead/describe").json()["fields"]
    expected = sum(field["compoundFieldName"] is None for field in fields)
    for path in (f"{BASE}/query", f"{BASE}/tooling/query"):
        assert web.get(path, params={"q": count}).json()["totalSize"] == expected
        assert "plans" in web.get(path, params={"explain": count}).json()
    named = web.get(f"{BASE}/query", params={"q": "SELECT Id FROM Account WHERE Name = 'x FROM EntityDefinition'"})
    assert named.json()["records"] == []


def test_pages_follow_each_other(web: Rest) -> None:
    """A long result comes in pages whose addresses stay within the API that was asked."""
    for place, size in (("/tooling", True), ("", False)):
        url = f"{BASE}{place}/query?q=SELECT+DurableId+FROM+EntityParticle"
        seen: list[str] = []
        while url:
            page = web.get(url, headers={"Sforce-Query-Options": "batchSize=200"}).json()
            assert ("size" in page) == size
            seen += [record["DurableId"] for record in page["records"]]
            url = page.get("nextRecordsUrl", "")
            assert not url or url.startswith(f"{BASE}{place}/query/01g")
        assert len(seen) == len(set(seen)) == page["totalSize"] > 400
    unknown = web.get(f"{BASE}/tooling/query/01g000000000000AAA-2000")
    assert (unknown.status_code, unknown.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


# --- describes and refusals ------------------------------------------------------------------------------------------


def test_tooling_describes_its_objects(web: Rest) -> None:
    """Root, describe global and describe, all under Tooling's own addresses."""
    root = web.get(f"{BASE}/tooling/").json()
    listed = web.get(root["sobjects"]).json()["sobjects"]
    names = {entry["name"] for entry in listed}
    assert {"ApexClass", "EntityDefinition", "Organization", "User"} <= names
    assert "Account" not in names
    for entry in listed:
        assert entry["urls"]["describe"] == f"{BASE}/tooling/sobjects/{entry['name']}/describe"
        described = web.get(entry["urls"]["describe"]).json()
        assert {field["name"] for field in described["fields"]} >= {"Id"}
    assert web.get(f"{BASE}/tooling/sobjects/apexclass").json()["objectDescribe"]["name"] == "ApexClass"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "sobjects/ApexClass", 501),
        ("PATCH", "sobjects/ApexClass/01p000000000001AAA", 501),
        ("DELETE", "sobjects/ApexClass/01p000000000001AAA", 501),
        ("GET", "executeAnonymous/?anonymousBody=x", 501),
        ("POST", "runTestsSynchronous", 501),
        ("GET", "sobjects/ApexClass/01p000000000001AAA", 404),
        ("GET", "sobjects/Nothing", 404),
        ("GET", "sobjects/Nothing/describe", 404),
        ("POST", "sobjects/Nothing", 404),
        ("GET", "query?q=", 400),
        ("GET", "query", 400),
        ("GET", "query?q=SELECT", 400),
    ],
)
def test_what_is_missing_says_so(web: Rest, method: str, path: str, status: int) -> None:
    """501 by name for what is not built, 404 for what does not exist, 400 for what makes no sense."""
    reply = web.request(method, f"{BASE}/tooling/{path}")
    assert reply.status_code == status
    assert set(reply.json()[0]) >= {"message", "errorCode"}
