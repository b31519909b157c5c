"""Validation rules that an org declares: refused saves on every way a record can be written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sfdata.errors import ConfigurationError
from sfdata.localorg import LocalOrg

BASE = "/services/data/v66.0"
CODE = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
NO_PHONE = "An account in the energy sector has a phone."
ENERGY = {"Name": "Volt", "Industry": "Energy"}

RULES = """
[Account.validation_rules.Energy_Has_Phone]
error_condition_formula = 'AND(ISPICKVAL(Industry, "Energy"), ISBLANK(Phone))'
error_message = "An account in the energy sector has a phone."
error_display_field = "phone"

[Account.validation_rules.No_Test_Accounts]
error_condition_formula = 'BEGINS(Name, "Test")'
error_message = "No tests, please: not here."

[Account.validation_rules.Switched_Off]
active = false
error_condition_formula = "TRUE"
error_message = "Never seen."
description = "For later."

[Opportunity.validation_rules.Closed_Stays_Closed]
error_condition_formula = "PRIORVALUE(IsClosed) && ISCHANGED(StageName)"
error_message = "A deal that is closed stays as it is."

[Contact.validation_rules.Not_Below_Energy]
error_condition_formula = 'ISPICKVAL(Account.Industry, "Energy")'
error_message = "Contacts of the energy sector are kept elsewhere."
error_display_field = "AccountId"

[Contract.validation_rules.Ends_In_Time]
error_condition_formula = "EndDate > DATE(2030, 1, 1)"
error_message = "No contract goes beyond 2029."

[Lead.validation_rules.New_Ones_Only]
error_condition_formula = "AND(NOT(ISNEW()), $Profile.Name = 'System Administrator')"
error_message = "Administrators leave leads alone."

[Product2.validation_rules.Without_Id]
error_condition_formula = 'AND(ISBLANK(Id), Name = "No Id yet")'
error_message = "A new record has no Id."

[Lead.validation_rules.Employees_For_Each]
error_condition_formula = "AnnualRevenue / NumberOfEmployees < 1000"
error_message = "Too little for each."
"""


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalOrg]:
    schema = tmp_path_factory.mktemp("schema") / "org.toml"
    schema.write_text(RULES, "utf-8")
    with LocalOrg(sample_data=False, schema=schema) as running:
        yield running


@pytest.fixture(scope="module")
def web(org: LocalOrg) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {org.access_token}"}
    with httpx.Client(base_url=f"{org.instance_url}{BASE}", headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def bulk_org(org: LocalOrg) -> LocalOrg:
    """Bulk jobs of this module run in its own org."""
    return org


def created(web: httpx.Client, name: str, **fields: Any) -> str:
    reply = web.post(f"/sobjects/{name}", json=fields)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def records(web: httpx.Client, soql: str, tooling: str = "") -> list[dict[str, Any]]:
    found = web.get(f"{tooling}/query", params={"q": soql}).json()["records"]
    return [{key: value for key, value in record.items() if key != "attributes"} for record in found]


def test_single_records(web: httpx.Client) -> None:
    """Create, update and both halves of an upsert are refused with the rule's message and field, and change nothing."""
    refused = [{"message": NO_PHONE, "errorCode": CODE, "fields": ["Phone"]}]
    account = created(web, "Account", Name="Amp", Industry="Energy", Phone="1", Ext__c="R-1")
    for method, path, body in (
        ("POST", "/sobjects/Account", ENERGY),
        ("PATCH", f"/sobjects/Account/{account}", {"Phone": None}),
        ("PATCH", "/sobjects/Account/Ext__c/R-1", {"Phone": ""}),
        ("PATCH", "/sobjects/Account/Ext__c/R-2", ENERGY),
    ):
        reply = web.request(method, path, json=body)
        assert (reply.status_code, reply.json()) == (400, refused), (method, path)
    assert records(web, "SELECT Name, Phone FROM Account WHERE Industry = 'Energy'") == [{"Name": "Amp", "Phone": "1"}]


def test_every_rule_has_its_say(web: httpx.Client) -> None:
    """Each rule that fails is an error of its own, in the order declared; one at the top of the page has no field."""
    reply = web.post("/sobjects/Account", json={"Name": "Test AG", "Industry": "Energy"})
    assert reply.status_code == 400
    assert reply.json() == [
        {"message": NO_PHONE, "errorCode": CODE, "fields": ["Phone"]},
        {"message": "No tests, please: not here.", "errorCode": CODE, "fields": []},
    ]


def test_rules_come_after_the_org_s_own_checks(web: httpx.Client) -> None:
    """A record that could not be stored anyway is refused for that, and rules are not asked."""
    for wrong in ({"NumberOfEmployees": "many"}, {"OwnerId": "003000000000000AAA"}, {"Name": None}):
        (error,) = web.post("/sobjects/Account", json={**ENERGY, **wrong}).json()
        assert error["errorCode"] != CODE


def test_rules_see_what_the_org_fills_in(web: httpx.Client) -> None:
    """Fields that the org derives are there when rules are asked: here the end that start and term imply."""
    account = created(web, "Account", Name="Long")
    body = {"AccountId": account, "StartDate": "2029-06-01", "Status": "Draft"}
    created(web, "Contract", **body, ContractTerm=6)
    reply = web.post("/sobjects/Contract", json={**body, "ContractTerm": 12})
    assert (reply.status_code, reply.json()[0]["message"]) == (400, "No contract goes beyond 2029.")


def test_rules_see_what_was_before(web: httpx.Client) -> None:
    """A rule may forbid a change and allow all others."""
    deal = created(web, "Opportunity", Name="Deal", StageName="Prospecting", CloseDate="2026-12-01")
    path = f"/sobjects/Opportunity/{deal}"
    assert web.patch(path, json={"StageName": "Closed Won"}).status_code == 204
    reply = web.patch(path, json={"StageName": "Prospecting"})
    assert (reply.status_code, reply.json()[0]["message"]) == (400, "A deal that is closed stays as it is.")
    assert web.patch(path, json={"StageName": "Closed Won", "Name": "Won"}).status_code == 204


def test_rules_see_a_new_record_without_its_id(web: httpx.Client) -> None:
    """A rule may tell new records by their missing Id, as many do; once stored they have one."""
    reply = web.post("/sobjects/Product2", json={"Name": "No Id yet"})
    assert (reply.status_code, reply.json()[0]["message"]) == (400, "A new record has no Id.")
    product = created(web, "Product2", Name="Wheel")
    assert web.patch(f"/sobjects/Product2/{product}", json={"Name": "No Id yet"}).status_code == 204


def test_rules_see_parents(web: httpx.Client) -> None:
    """A rule may look at the record's parents, also at those it gets by this save."""
    energy = created(web, "Account", Name="Watt", Industry="Energy", Phone="1")
    banking = created(web, "Account", Name="Bank", Industry="Banking")
    contact = created(web, "Contact", LastName="Ode", AccountId=banking)
    for method, path, body in (
        ("POST", "/sobjects/Contact", {"LastName": "An", "AccountId": energy}),
        ("PATCH", f"/sobjects/Contact/{contact}", {"AccountId": energy}),
    ):
        (error,) = web.request(method, path, json=body).json()
        assert (error["errorCode"], error["fields"]) == (CODE, ["AccountId"])


def test_rules_see_who_saves(web: httpx.Client) -> None:
    """A rule may ask whether the record is new, and for the profile of the user."""
    lead = created(web, "Lead", LastName="Lee", Company="Acme")
    reply = web.patch(f"/sobjects/Lead/{lead}", json={"Company": "Other"})
    assert [error["message"] for error in reply.json()] == ["Administrators leave leads alone."]


def test_a_formula_without_a_value_refuses_too(web: httpx.Client) -> None:
    """A rule that cannot be evaluated for a record does not let it pass; blank fields are no such case."""
    created(web, "Lead", LastName="Blank", Company="Acme", AnnualRevenue=5)
    reply = web.post(
        "/sobjects/Lead", json={"LastName": "O", "Company": "A", "AnnualRevenue": 5, "NumberOfEmployees": 0}
    )
    (error,) = reply.json()
    assert (reply.status_code, error["errorCode"]) == (400, "FIELD_INTEGRITY_EXCEPTION")
    assert "Employees_For_Each cannot be evaluated: division by zero" in error["message"]


def test_collections(web: httpx.Client) -> None:
    """In a collection a rule is an error of its row, with statusCode; the others are written."""
    body = {"records": [{"attributes": {"type": "Account"}, **row} for row in (ENERGY, {"Name": "Fine"})]}
    first, second = web.post("/composite/sobjects", json=body).json()
    assert first == {"success": False, "errors": [{"statusCode": CODE, "message": NO_PHONE, "fields": ["Phone"]}]}
    assert second["success"]
    undone = web.post("/composite/sobjects", json={**body, "allOrNone": True}).json()
    assert [result["errors"][0]["statusCode"] for result in undone] == [CODE, "ALL_OR_NONE_OPERATION_ROLLED_BACK"]


def test_tree(web: httpx.Client) -> None:
    """In a tree a rule undoes all of it, and names the record."""
    child = {"attributes": {"type": "Contact", "referenceId": "c"}, "LastName": "Ax"}
    root = {"attributes": {"type": "Account", "referenceId": "a"}, **ENERGY, "Phone": "1", "Name": "Tree"}
    reply = web.post("/composite/tree/Account", json={"records": [{**root, "Contacts": {"records": [child]}}]})
    assert reply.status_code == 400
    (result,) = reply.json()["results"]
    assert (result["referenceId"], result["errors"][0]["statusCode"]) == ("c", CODE)
    assert records(web, "SELECT Id FROM Account WHERE Name = 'Tree'") == []


@pytest.mark.parametrize("resource", ["composite", "graph"])
def test_composite_and_graph(web: httpx.Client, resource: str) -> None:
    """In a composite or graph the subrequest has the answer it would have alone."""
    part = {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": ENERGY}
    if resource == "composite":
        (outcome,) = web.post("/composite", json={"compositeRequest": [part]}).json()["compositeResponse"]
    else:
        graphs = {"graphs": [{"graphId": "g", "compositeRequest": [part]}]}
        (graph,) = web.post("/composite/graph", json=graphs).json()["graphs"]
        (outcome,) = graph["graphResponse"]["compositeResponse"]
    assert outcome["httpStatusCode"] == 400
    assert outcome["body"] == [{"message": NO_PHONE, "errorCode": CODE, "fields": ["Phone"]}]


def test_bulk(bulk: Any) -> None:
    """In a bulk job sf__Error names code, message and field of each rule; only rows in order are written."""
    job = bulk.ingest("Name,Industry\nVolt,Energy\nTest AG,Banking\nFine Bulk,Banking\n")
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 3, 2)
    errors = {row["Name"]: row["sf__Error"] for row in bulk.rows(job, "failedResults")}
    assert errors == {
        "Volt": f"{CODE}:{NO_PHONE}:Phone --",
        "Test AG": f"{CODE}:No tests, please: not here.:--",
    }


def test_tooling_lists_them(web: httpx.Client) -> None:
    """The Tooling API shows what is declared, switched off or not."""
    soql = (
        "SELECT ValidationName, Active, Description, ErrorMessage, ErrorDisplayField "
        "FROM ValidationRule WHERE EntityDefinition.QualifiedApiName = 'Account' ORDER BY ValidationName"
    )
    found = records(web, soql, "/tooling")
    assert [(row["ValidationName"], row["Active"], row["ErrorDisplayField"]) for row in found] == [
        ("Energy_Has_Phone", True, "Phone"),
        ("No_Test_Accounts", True, None),
        ("Switched_Off", False, None),
    ]
    assert (found[0]["ErrorMessage"], found[2]["Description"]) == (NO_PHONE, "For later.")


def test_seed_files_obey(tmp_path: Path) -> None:
    """Rows that an org starts from are saved like any others: the first refused is named with its place."""
    schema, seeds = tmp_path / "org.toml", tmp_path / "seeds"
    schema.write_text(RULES, "utf-8")
    seeds.mkdir()
    (seeds / "Account.csv").write_text("Name,Industry,Phone\nAmp,Energy,1\nVolt,Energy,\n", "utf-8")
    with pytest.raises(ConfigurationError) as caught, LocalOrg(schema=schema, seed_from=seeds):
        pass
    assert "Account.csv" in caught.value.message
    assert NO_PHONE in caught.value.message
