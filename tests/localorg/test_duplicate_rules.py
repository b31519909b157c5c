"""Duplicate rules that an org declares: what is refused, what the answer tells, and when a client may insist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rig.local_rest import BASE, Rest

from sfdata.errors import ConfigurationError
from sfdata.localorg.objects import build_schema

INSIST = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}

RULES = """
[Contact.duplicate_rules.One_Address_Each]
alert_text = "Somebody has that address."
[Contact.duplicate_rules.One_Address_Each.matching_rules.Same_Address]
fields = ["LastName", "email"]

[Account.duplicate_rules.One_Number_Each]
action = "block"
matching_rules.Same_Number = { fields = ["AccountNumber"] }

[Lead.duplicate_rules.Known_People]
matching_rules.Same_Person = { object = "Contact", fields = { Email = "Email" } }
"""

pytestmark = pytest.mark.local_org(schema=RULES)


def save(web: Rest, name: str, headers: dict[str, str] | None = None, **values: Any) -> tuple[int, Any]:
    reply = web.post(f"{BASE}/sobjects/{name}", json=values, headers=headers)
    return reply.status_code, reply.json()


def test_a_duplicate_is_refused_with_what_it_is_like(web: Rest) -> None:
    """The answer names the rule, its text, and the records that are there already, by their Ids."""
    known = web.created("Contact", LastName="Ng", Email="ng@example.com")
    status, answer = save(web, "Contact", LastName="NG", Email="Ng@Example.com")
    record = {"attributes": {"type": "Contact", "url": f"{BASE}/sobjects/Contact/{known}"}, "Id": known}
    match = {"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0, "record": record}
    told = {
        "allowSave": True,
        "duplicateRule": "One_Address_Each",
        "duplicateRuleEntityType": "Contact",
        "errorMessage": "Somebody has that address.",
        "matchResults": [
            {
                "entityType": "Contact",
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": [match],
                "rule": "Same_Address",
                "size": 1,
                "success": True,
            }
        ],
    }
    assert status == 400
    assert answer == [
        {"message": "Somebody has that address.", "errorCode": "DUPLICATES_DETECTED", "duplicateResut": told}
    ]


def test_all_fields_must_be_alike_and_none_empty(web: Rest) -> None:
    """Records that share one of two fields, or emptiness, are no duplicates of each other."""
    web.created("Contact", LastName="Kim", Email="kim@example.com")
    web.created("Contact", LastName="Kim", Email="other@example.com")
    web.created("Contact", LastName="Kim")
    web.created("Contact", LastName="Kim")


def test_who_insists_saves(web: Rest) -> None:
    """A rule that alerts lets a client save that says so; it is asked on every save anew."""
    web.created("Contact", LastName="Sato", Email="sato@example.com")
    twin: dict[str, Any] = {"LastName": "Sato", "Email": "sato@example.com"}
    assert save(web, "Contact", {"Sforce-Duplicate-Rule-Header": "allowSave=false"}, **twin)[0] == 400
    assert save(web, "Contact", INSIST, **twin)[0] == 201
    status, (error,) = save(web, "Contact", **twin)
    assert (status, error["duplicateResut"]["matchResults"][0]["size"]) == (400, 2)


def test_a_rule_that_blocks_is_not_passed_over(web: Rest) -> None:
    """Nobody saves past a rule that blocks, and its answer says so."""
    web.created("Account", Name="A", AccountNumber="7")
    status, (error,) = save(web, "Account", INSIST, Name="B", AccountNumber="7")
    assert (status, error["message"]) == (400, "Use one of these records?")
    assert error["duplicateResut"]["allowSave"] is False


def test_details_are_told_on_request(web: Rest) -> None:
    """Clients that ask for details see the fields by which a record was found."""
    web.created("Contact", LastName="Diaz", Email="diaz@example.com")
    wish = {"Sforce-Duplicate-Rule-Header": "includeRecordDetails=true; allowSave=false"}
    _, (error,) = save(web, "Contact", wish, LastName="Diaz", Email="diaz@example.com")
    (match,) = error["duplicateResut"]["matchResults"][0]["matchRecords"]
    assert (match["record"]["LastName"], match["record"]["Email"]) == ("Diaz", "diaz@example.com")


def test_records_of_another_object_can_be_duplicates(web: Rest) -> None:
    """A matching rule may look among the records of another object."""
    known = web.created("Contact", LastName="Okafor", Email="okafor@example.com")
    status, (error,) = save(web, "Lead", LastName="O.", Company="C", Email="okafor@example.com")
    (result,) = error["duplicateResut"]["matchResults"]
    assert (status, result["entityType"]) == (400, "Contact")
    assert [match["record"]["Id"] for match in result["matchRecords"]] == [known]


def test_only_a_change_of_what_is_matched_is_looked_at(web: Rest) -> None:
    """A record that has twins can be changed elsewhere; becoming a twin is refused, being itself is not."""
    first = web.created("Contact", LastName="Roy", Email="roy@example.com")
    twin = save(web, "Contact", INSIST, LastName="Roy", Email="roy@example.com")[1]["id"]
    other = web.created("Contact", LastName="Roy", Email="r@example.com")
    assert web.patch(f"{BASE}/sobjects/Contact/{twin}", json={"Title": "Ms"}).status_code == 204
    assert web.patch(f"{BASE}/sobjects/Contact/{other}", json={"Email": "roy@example.com"}).status_code == 400
    assert web.delete(f"{BASE}/sobjects/Contact/{twin}").status_code == 204
    assert web.patch(f"{BASE}/sobjects/Contact/{first}", json={"Email": "ROY@example.com"}).status_code == 204


def test_rows_of_a_collection_are_refused_one_by_one(web: Rest) -> None:
    """In a call with many records only the duplicate fails; the header of a composite request is that of its parts."""
    record = {"attributes": {"type": "Contact"}, "LastName": "Lee", "Email": "lee@example.com"}
    reply = web.post(f"{BASE}/composite/sobjects", json={"records": [record, record]})
    first, second = reply.json()
    error = {"statusCode": "DUPLICATES_DETECTED", "message": "Somebody has that address.", "fields": []}
    assert (first["success"], second) == (True, {"success": False, "errors": [error]})
    part = {"method": "POST", "url": f"{BASE}/sobjects/Contact", "referenceId": "a"}
    body = {"compositeRequest": [part | {"body": {"LastName": "Lee", "Email": "lee@example.com"}}]}
    assert web.post(f"{BASE}/composite", json=body).json()["compositeResponse"][0]["httpStatusCode"] == 400
    insisting = web.post(f"{BASE}/composite", json=body, headers=INSIST)
    assert insisting.json()["compositeResponse"][0]["httpStatusCode"] == 201


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ('action = "warn"', "action must be alert or block"),
        ("matching_rules = {}", "needs a matching rule"),
        ("matching_rules.M = { fields = [] }", "fields must list fields"),
        ('matching_rules.M = { fields = ["Emial"] }', "did you mean 'Email'"),
        ('matching_rules.M = { object = "Kontact", fields = ["Email"] }', "did you mean 'Contact'"),
        ('matching_rules.M = { fields = { Email = "Nope" } }', "no field of Contact: 'Nope'"),
        ('matching_rules.M = { like = "x" }', "unknown key 'like'"),
        ('matching_rules.M = { fields = ["MailingAddress"] }', "Contact.MailingAddress cannot be compared"),
        ('matching_rules.M = { fields = ["Description"] }', "Contact.Description cannot be compared"),
    ],
)
def test_mistakes_in_a_rule_are_named(tmp_path: Path, rule: str, problem: str) -> None:
    """A rule that could find nothing is refused when the org starts, with its name and the reason."""
    schema = tmp_path / "schema.toml"
    schema.write_text(f"[Contact.duplicate_rules.R]\n{rule}\n")
    with pytest.raises(ConfigurationError, match=problem):
        build_schema(schema)


def test_duplicates_are_found_among_many_alike(web: Rest) -> None:
    """However many records share one of the fields, the one that shares them all is found."""
    for start in (0, 200):
        contacts = [{"LastName": "Smith", "Email": f"{n}@smith.example"} for n in range(start, start + 200)]
        records = [{"attributes": {"type": "Contact"}, **contact} for contact in contacts]
        reply = web.post(f"{BASE}/composite/sobjects", json={"records": records})
        assert all(saved["success"] for saved in reply.json())
    status, answer = save(web, "Contact", LastName="Smith", Email="399@smith.example")
    assert (status, answer[0]["errorCode"]) == (400, "DUPLICATES_DETECTED")
