"""Validation rules that an org declares: refused saves on every way a record can be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rig.local_rest import BASE, Rest

from sfdata.errors import ConfigurationError
from sfdata.localorg import LocalOrg

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

pytestmark = pytest.mark.local_org(schema=RULES)


def test_single_records(web: Rest) -> None:
    """Create, update and both halves of an upsert are refused with the rule's message and field, and change nothing."""
    refused = [{"message": NO_PHONE, "errorCode": CODE, "fields": ["Phone"]}]
    account = web.created("Account", Name="Amp", Industry="Energy", Phone="1", Ext__c="R-1")
    for method, path, body in (
        ("POST", "/sobjects/Account", ENERGY),
        ("PATCH", f"/sobjects/Account/{account}", {"Phone": None}),
        ("PATCH", "/sobjects/Account/Ext__c/R-1", {"Phone": ""}),
        ("PATCH", "/sobjects/Account/Ext__c/R-2", ENERGY),
    ):
        reply = web.request(method, f"{BASE}{path}", json=body)
        assert (reply.status_code, reply.json()) == (400, refused), (method, path)
    assert web.records("SELECT Name, Phone FROM Account WHERE Industry = 'Energy'") == [{"Name": "Amp", "Phone": "1"}]


def test_every_rule_has_its_say(web: Rest) -> None:
    """Each rule that fails is an error of its own, in the order declared; one at the top of the page has no field."""
    reply = web.post(f"{BASE}/sobjects/Account", json={"Name": "Test AG", "Industry": "Energy"})
    assert reply.status_code == 400
    assert reply.json() == [
        {"message": NO_PHONE, "errorCode": CODE, "fields": ["Phone"]},
        {"message": "No tests, please: not here.", "errorCode": CODE, "fields": []},
    ]


def test_rules_come_after_the_org_s_own_checks(web: Rest) -> None:
    """A record that could not be stored anyway is refused for that, and rules are not asked."""
    for wrong in ({"NumberOfEmployees": "many"}, {"OwnerId": "003000000000000AAA"}, {"Name": None}):
        (error,) = web.post(f"{BASE}/sobjects/Account", json={**ENERGY, **wrong}).json()
        assert error["errorCode"] != CODE


def test_rules_see_what_the_org_fills_in(web: Rest) -> None:
    """Fields that the org derives are there when rules are asked: here the end that start and term imply."""
    account = web.created("Account", Name="Long")
    body = {"AccountId": account, "StartDate": "2029-06-01", "Status": "Draft"}
    web.created("Contract", **body, ContractTerm=6)
    reply = web.post(f"{BASE}/sobjects/Contract", json={**body, "ContractTerm": 12})
    assert (reply.status_code, reply.json()[0]["message"]) == (400, "No contract goes beyond 2029.")


def test_rules_see_what_was_before(web: Rest) -> None:
    """A rule may forbid a change and allow all others."""
    deal = web.created("Opportunity", Name="Deal", StageName="Prospecting", CloseDate="2026-12-01")
    path = f"{BASE}/sobjects/Opportunity/{deal}"
    assert web.patch(path, json={"StageName": "Closed Won"}).status_code == 204
    reply = web.patch(path, json={"StageName": "Prospecting"})
    assert (reply.status_code, reply.json()[0]["message"]) == (400, "A deal that is closed stays as it is.")
    assert web.patch(path, json={"StageName": "Closed Won", "Name": "Won"}).status_code == 204


def test_rules_see_a_new_record_without_its_id(web: Rest) -> None:
    """A rule may tell new records by their missing Id, as many do; once stored they have one."""
    reply = web.post(f"{BASE}/sobjects/Product2", json={"Name": "No Id yet"})
    assert (reply.status_code, reply.json()[0]["message"]) == (400, "A new record has no Id.")
    product = web.created("Product2", Name="Wheel")
    assert web.patch(f"{BASE}/sobjects/Product2/{product}", json={"Name": "No Id yet"}).status_code == 204


def test_rules_see_parents(web: Rest) -> None:
    """A rule may look at the record's parents, also at those it gets by this save."""
    energy = web.created("Account", Name="Watt", Industry="Energy", Phone="1")
    banking = web.created("Account", Name="Bank", Industry="Banking")
    contact = web.created("Contact", LastName="Ode", AccountId=banking)
    for method, path, body in (
        ("POST", "/sobjects/Contact", {"LastName": "An", "AccountId": energy}),
        ("PATCH", f"/sobjects/Contact/{contact}", {"AccountId": energy}),
    ):
        (error,) = web.request(method, f"{BASE}{path}", json=body).json()
        assert (error["errorCode"], error["fields"]) == (CODE, ["AccountId"])


def test_rules_see_who_saves(web: Rest) -> None:
    """A rule may ask whether the record is new, and for the profile of the user."""
    lead = web.created("Lead", LastName="Lee", Company="Acme")
    reply = web.patch(f"{BASE}/sobjects/Lead/{lead}", json={"Company": "Other"})
    assert [error["message"] for error in reply.json()] == ["Administrators leave leads alone."]


def test_a_formula_without_a_value_refuses_too(web: Rest) -> None:
    """A rule that cannot be evaluated for a record does not let it pass; blank fields are no such case."""
    web.created("Lead", LastName="Blank", Company="Acme", AnnualRevenue=5)
    reply = web.post(
        f"{BASE}/sobjects/Lead", json={"LastName": "O", "Company": "A", "AnnualRevenue": 5, "NumberOfEmployees": 0}
    )
    (error,) = reply.json()
    assert (reply.status_code, error["errorCode"]) == (400, "FIELD_INTEGRITY_EXCEPTION")
    assert "Employees_For_Each cannot be evaluated: division by zero" in error["message"]


def test_collections(web: Rest) -> None:
    """In a collection a rule is an error of its row, with statusCode; the others are written."""
    body = {"records": [{"attributes": {"type": "Account"}, **row} for row in (ENERGY, {"Name": "Fine"})]}
    first, second = web.post(f"{BASE}/composite/sobjects", json=body).json()
    assert first == {"success": False, "errors": [{"statusCode": CODE, "message": NO_PHONE, "fields": ["Phone"]}]}
    assert second["success"]
    undone = web.post(f"{BASE}/composite/sobjects", json={**body, "allOrNone": True}).json()
    assert [result["errors"][0]["statusCode"] for result in undone] == [CODE, "ALL_OR_NONE_OPERATION_ROLLED_BACK"]


def test_tree(web: Rest) -> None:
    """In a tree a rule undoes all of it, and names the record."""
    child = {"attributes": {"type": "Contact", "referenceId": "c"}, "LastName": "Ax"}
    root = {"attributes": {"type": "Account", "referenceId": "a"}, **ENERGY, "Phone": "1", "Name": "Tree"}
    reply = web.post(f"{BASE}/composite/tree/Account", json={"records": [{**root, "Contacts": {"records": [child]}}]})
    assert reply.status_code == 400
    (result,) = reply.json()["results"]
    assert (result["referenceId"], result["errors"][0]["statusCode"]) == ("c", CODE)
    assert web.records("SELECT Id FROM Account WHERE Name = 'Tree'") == []


@pytest.mark.parametrize("resource", ["composite", "graph"])
def test_composite_and_graph(web: Rest, resource: str) -> None:
    """In a composite or graph the subrequest has the answer it would have alone."""
    part = {"method": "POST", "url": f"{BASE}/sobjects/Account", "referenceId": "a", "body": ENERGY}
    if resource == "composite":
        (outcome,) = web.post(f"{BASE}/composite", json={"compositeRequest": [part]}).json()["compositeResponse"]
    else:
        graphs = {"graphs": [{"graphId": "g", "compositeRequest": [part]}]}
        (graph,) = web.post(f"{BASE}/composite/graph", json=graphs).json()["graphs"]
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


def test_tooling_lists_them(web: Rest) -> None:
    """The Tooling API shows what is declared, switched off or not."""
    soql = (
        "SELECT ValidationName, Active, Description, ErrorMessage, ErrorDisplayField "
        "FROM ValidationRule WHERE EntityDefinition.QualifiedApiName = 'Account' ORDER BY ValidationName"
    )
    found = web.records(soql, "tooling/query")
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
