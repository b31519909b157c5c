"""Create, read, update and upsert one record, with every check on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig.standard_records import Clock, standard

from sfdata.localorg.records.crud import Records, UpsertResult
from sfdata.localorg.records.validation import RecordRefused, Unreadable
from sfdata.localorg.schema import SObject

ANN = "005Lo0000000001IAA"
BEN = "005Lo0000000002IAA"
BASE = "/services/data/v66.0"


ACCOUNT, CONTACT, LEAD, CASE = map(standard, ("Account", "Contact", "Lead", "Case"))


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 21, 9, 0, 0, 999_999, UTC))


@pytest.fixture
def records(records: Records) -> Records:
    for user_id, name in ((ANN, "Ann"), (BEN, "Ben")):
        records.store.insert(
            standard("User"), {"Id": user_id, "Username": f"{name}@x.example", "Name": name, "IsActive": 1}
        )
    return records


def refusal(
    records: Records, of: SObject, body: Mapping[str, Any], record_id: str | None = None
) -> list[dict[str, Any]]:
    """The errors of a create, or of an update where there is a record already."""
    given = (of, body, ANN) if record_id is None else (of, record_id, body, ANN)
    write: Callable[..., str] = records.create if record_id is None else records.update
    with pytest.raises(RecordRefused) as refused:
        write(*given)
    return refused.value.body()


# --- create ----------------------------------------------------------------------------------------------------------


def test_create_fills_the_system_fields(records: Records) -> None:
    """A new row says who made it and when, to the second, and belongs to its maker."""
    made = records.read(ACCOUNT, records.create(ACCOUNT, {"Name": "Acme"}, BEN), None, BASE)
    now = "2026-11-21T09:00:00.000+0000"
    assert [made[name] for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")] == [now, now, now]
    assert [made[name] for name in ("CreatedById", "LastModifiedById", "OwnerId")] == [BEN, BEN, BEN]
    assert made["IsDeleted"] is False


def test_create_takes_names_in_any_case_and_ignores_attributes(records: Records) -> None:
    """Field names of a body are told without regard to case; ``attributes`` is no field."""
    body = {"attributes": {"type": "Account"}, "name": "Acme", "numberofEMPLOYEES": "100"}
    record_id = records.create(ACCOUNT, body, ANN)
    answer = records.read(ACCOUNT, record_id, ["Name", "NumberOfEmployees"], BASE)
    assert answer["Name"] == "Acme"
    assert answer["NumberOfEmployees"] == 100


def test_create_fills_defaults_unless_told_otherwise(records: Records) -> None:
    """An absent picklist takes its default, a nillable one given as null stays null, a required one cannot."""
    absent = records.get(CASE, records.create(CASE, {}, ANN))
    assert (absent["Status"], absent["Priority"], absent["Origin"]) == ("New", "Medium", None)
    nulled = records.get(CASE, records.create(CASE, {"Priority": None}, ANN))
    assert nulled["Priority"] is None
    lead = records.get(LEAD, records.create(LEAD, {"LastName": "L", "Company": "C", "Status": None}, ANN))
    assert (lead["Status"], lead["IsConverted"]) == ("Open - Not Contacted", 0)
    file = standard("ContentVersion")
    version = records.get(file, records.create(file, {"PathOnClient": "a.txt", "VersionData": "YQ=="}, ANN))
    assert (version["IsMajorVersion"], version["Origin"]) == (1, "C")


def test_missing_required_fields_are_named_together(records: Records) -> None:
    """One error names every required field that is absent, null or blank."""
    assert refusal(records, LEAD, {"LastName": " ", "Company": None}) == [
        {
            "message": "Required fields are missing: [LastName, Company]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName", "Company"],
        }
    ]


def test_unknown_field(records: Records) -> None:
    """A key that is neither field nor parent relationship refuses the row, in the recorded words."""
    expected = [{"message": "No such column 'foo' on sobject of type Account", "errorCode": "INVALID_FIELD"}]
    assert refusal(records, ACCOUNT, {"Name": "A", "foo": None}) == expected
    child = [{"message": "No such column 'Contacts' on sobject of type Account", "errorCode": "INVALID_FIELD"}]
    assert refusal(records, ACCOUNT, {"Name": "A", "Contacts": {"records": []}}) == child


@pytest.mark.parametrize("key", ["Id", "id"])
def test_id_does_not_belong_in_a_body(records: Records, key: str) -> None:
    """The Id is given by the org on create and by the path on update."""
    message = "The Id field should not be specified in the sobject data."
    expected = [{"message": message, "errorCode": "INVALID_FIELD"}]
    made = records.create(ACCOUNT, {"Name": "A"}, ANN)
    assert refusal(records, ACCOUNT, {"Name": "A", key: made}) == expected
    assert refusal(records, ACCOUNT, {"Name": "A", key: made}, made) == expected


def test_fields_that_nobody_writes(records: Records) -> None:
    """System fields, compound fields and derived names are refused together, whatever their value."""
    body = {"LastName": "L", "Name": "L", "CreatedDate": "x", "MailingAddress": {"city": "Łódź"}}
    names = ["Name", "CreatedDate", "MailingAddress"]
    assert refusal(records, CONTACT, body) == [
        {
            "message": "Unable to create/update fields: Name, CreatedDate, MailingAddress. Please check the security "
            "settings of this field and verify that it is read/write for your profile or permission set.",
            "errorCode": "INVALID_FIELD_FOR_INSERT_UPDATE",
            "fields": names,
        }
    ]


def test_create_only_fields_stay(records: Records) -> None:
    """A field that may be created but not updated is refused on update only."""
    campaign = records.create(standard("Campaign"), {"Name": "C"}, ANN)
    contact = records.create(CONTACT, {"LastName": "L"}, ANN)
    member = records.create(standard("CampaignMember"), {"CampaignId": campaign, "ContactId": contact}, ANN)
    (error,) = refusal(records, standard("CampaignMember"), {"CampaignId": campaign}, member)
    assert (error["errorCode"], error["fields"]) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["CampaignId"])


def test_every_bad_value_is_told(records: Records) -> None:
    """Values that are not allowed are reported together; a required one among them is not also missing."""
    body = {"LastName": "x" * 81, "Email": "abc", "DoNotCall": None, "FirstName": "fine"}
    assert [(error["errorCode"], error["fields"]) for error in refusal(records, CONTACT, body)] == [
        ("STRING_TOO_LONG", ["LastName"]),
        ("INVALID_EMAIL_ADDRESS", ["Email"]),
        ("INVALID_TYPE_ON_FIELD_IN_RECORD", ["DoNotCall"]),
    ]


def test_unreadable_json_stops_everything(records: Records) -> None:
    """A value of the wrong JSON type is refused alone, before other errors."""
    with pytest.raises(Unreadable):
        records.create(CONTACT, {"Email": "abc", "Name": "L", "Birthdate": "soon"}, ANN)


def test_objects_that_cannot_be_written(records: Records) -> None:
    """An object that the API does not create, update or delete says so."""
    document = standard("ContentDocument")
    (error,) = refusal(records, document, {"Title": "T"})
    assert error == {
        "message": "entity type cannot be inserted: Content Document",
        "errorCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
    }
    with pytest.raises(RecordRefused) as refused:
        records.delete(standard("User"), BEN, ANN)
    assert refused.value.error_code == "INVALID_TYPE_FOR_OPERATION"


def test_a_refused_create_leaves_nothing(records: Records) -> None:
    """Inside a caller's transaction, a refusal that leaves it undoes every row made in it."""
    account = {"Name": "A", "Ext__c": "A1"}
    records.create(ACCOUNT, account, ANN)

    def both() -> None:
        with records.store.transaction():
            records.create(CONTACT, {"LastName": "L"}, ANN)
            records.create(ACCOUNT, account, ANN)

    with pytest.raises(RecordRefused):
        both()
    assert records.store.count(CONTACT) == 0
    assert records.store.count(ACCOUNT) == 1


# --- read ------------------------------------------------------------------------------------------------------------


def test_read_answers_all_fields_in_describe_order(records: Records) -> None:
    """Without field names a row has its attributes and every field, compound ones too, as describe lists them."""
    record_id = records.create(ACCOUNT, {"Name": "A", "BillingCity": "Łódź", "Site_Location__Latitude__s": 51.5}, ANN)
    answer = records.read(ACCOUNT, record_id, None, BASE)
    assert list(answer) == ["attributes", *(f.name for f in ACCOUNT.fields)]
    assert answer["attributes"] == {"type": "Account", "url": f"{BASE}/sobjects/Account/{record_id}"}
    nothing = dict.fromkeys(("country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street"))
    assert answer["BillingAddress"] == {"city": "Łódź", **nothing}
    assert answer["ShippingAddress"] is None
    assert answer["Site_Location__c"] == {"latitude": 51.5, "longitude": None}


def test_read_of_named_fields_adds_the_id(records: Records) -> None:
    """Named fields come in the order asked, each once, under their true names, and the Id last."""
    record_id = records.create(ACCOUNT, {"Name": "A"}, ANN)
    answer = records.read(ACCOUNT, record_id[:15], ["ownerid", " Name", "NAME"], BASE)
    assert list(answer) == ["attributes", "OwnerId", "Name", "Id"]
    with pytest.raises(RecordRefused) as refused:
        records.read(ACCOUNT, record_id, ["Nome"], BASE)
    assert refused.value.error_code == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("record_id", "status", "code"),
    [
        ("001Lo0000000099IAA", 404, "NOT_FOUND"),
        ("001Lo0000000099", 404, "NOT_FOUND"),
        ("003Lo0000000001IAA", 400, "MALFORMED_ID"),
        ("rid", 400, "MALFORMED_ID"),
    ],
)
def test_read_of_no_row(records: Records, record_id: str, status: int, code: str) -> None:
    """An Id of no row is not found; one of another object, or none at all, is malformed."""
    with pytest.raises(RecordRefused) as refused:
        records.read(ACCOUNT, record_id, None, BASE)
    assert (refused.value.status, refused.value.error_code) == (status, code)


NAMES = st.text(max_size=253).map(lambda text: f"a{text}b")
WRITABLE = {
    "Description": st.none() | st.text(max_size=500).map(lambda text: f"«{text}»"),
    "AnnualRevenue": st.none() | st.integers(-(10**15), 10**15).map(float),
    "NumberOfEmployees": st.none() | st.integers(-99_999_999, 99_999_999),
    "BillingLatitude": st.none() | st.integers(-90_000_000, 90_000_000).map(lambda millionths: millionths / 1_000_000),
    "SLAExpirationDate__c": st.none() | st.dates(datetime(1700, 1, 1).date(), datetime(4000, 12, 31).date()).map(str),
    "Opening_Time__c": st.none() | st.times().map(lambda t: f"{t:%H:%M:%S}.000Z"),
    "Industry": st.none() | st.text(min_size=1, max_size=20).map(lambda text: f"x{text}x"),
    "Website": st.none() | st.just("https://例え.example/?q=ä&b=%20"),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.fixed_dictionaries({"Name": NAMES}, optional=WRITABLE))
def test_what_is_written_is_read(records: Records, body: dict[str, Any]) -> None:
    """Whatever a create or an update was given comes back in the same JSON."""
    body = {key: value.replace("\0", "") if isinstance(value, str) else value for key, value in body.items()}
    created = records.create(ACCOUNT, body, ANN)
    updated = records.create(ACCOUNT, {"Name": "before"}, ANN)
    records.update(ACCOUNT, updated, body, ANN)
    for record_id in (created, updated):
        answer = records.read(ACCOUNT, record_id, body, BASE)
        assert {name: answer[name] for name in body} == body


# --- update ----------------------------------------------------------------------------------------------------------


def test_update_changes_what_is_given(records: Records, clock: Clock) -> None:
    """An update sets its fields, leaves the others, and says who made it and when."""
    record_id = records.create(ACCOUNT, {"Name": "A", "Phone": "1"}, ANN)
    clock.now += timedelta(minutes=5)
    assert records.update(ACCOUNT, record_id[:15], {"name": "B", "Fax": ""}, BEN) == record_id
    row = records.get(ACCOUNT, record_id)
    assert (row["Name"], row["Phone"], row["Fax"]) == ("B", "1", None)
    assert (row["CreatedById"], row["CreatedDate"]) == (ANN, "2026-11-21T09:00:00.000+0000")
    assert (row["LastModifiedById"], row["LastModifiedDate"]) == (BEN, "2026-11-21T09:05:00.000+0000")
    assert row["SystemModstamp"] == row["LastModifiedDate"]


def test_update_does_not_empty_required_fields(records: Records) -> None:
    """A required field stays filled; an owner has its own words for that."""
    record_id = records.create(CONTACT, {"LastName": "L"}, ANN)
    (error,) = refusal(records, CONTACT, {"LastName": "", "FirstName": None}, record_id)
    assert (error["errorCode"], error["fields"]) == ("REQUIRED_FIELD_MISSING", ["LastName"])
    (error,) = refusal(records, CONTACT, {"OwnerId": None}, record_id)
    assert error["message"] == "Owner ID: owner cannot be blank"


def test_update_of_no_row(records: Records) -> None:
    """A well-formed Id that never was is a bad cross reference; a deleted row is told as such."""
    (error,) = refusal(records, ACCOUNT, {"Name": "B"}, "001Lo0000000099IAA")
    assert error == {"message": "invalid cross reference id", "errorCode": "INVALID_CROSS_REFERENCE_KEY", "fields": []}
    record_id = records.create(ACCOUNT, {"Name": "A"}, ANN)
    records.delete(ACCOUNT, record_id, ANN)
    (error,) = refusal(records, ACCOUNT, {"Name": "B"}, record_id)
    assert error == {"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}


# --- unique values ---------------------------------------------------------------------------------------------------


def test_unique_values_are_taken_once(records: Records) -> None:
    """A unique value belongs to one row, whatever its case, and the refusal names that row with 15 characters."""
    first = records.create(ACCOUNT, {"Name": "A", "Ext__c": "Key-1"}, ANN)
    expected = {
        "message": f"duplicate value found: Ext__c duplicates value on record with id: {first[:15]}",
        "errorCode": "DUPLICATE_VALUE",
        "fields": [],
    }
    assert refusal(records, ACCOUNT, {"Name": "B", "Ext__c": "KEY-1"}) == [expected]
    second = records.create(ACCOUNT, {"Name": "B"}, ANN)
    assert refusal(records, ACCOUNT, {"Ext__c": "key-1"}, second) == [expected]
    records.update(ACCOUNT, first, {"Ext__c": "KEY-1"}, ANN)
    assert records.get(ACCOUNT, first)["Ext__c"] == "KEY-1"


def test_keys_differ_in_more_than_case(records: Records) -> None:
    """Also a key beyond ASCII is found, and taken, whatever the case of its letters."""
    first = records.upsert(ACCOUNT, "Ext__c", "Größe-Ä", {"Name": "A"}, ANN)
    assert records.upsert(ACCOUNT, "Ext__c", "GRÖßE-ä", {"Name": "B"}, ANN) == UpsertResult(first.id, created=False)
    (error,) = refusal(records, ACCOUNT, {"Name": "C", "Ext__c": "größe-ä"})
    assert error["errorCode"] == "DUPLICATE_VALUE"


def test_deleted_rows_free_their_unique_values(records: Records) -> None:
    """A row in the recycle bin does not hold its unique value."""
    first = records.create(ACCOUNT, {"Name": "A", "Ext__c": "K"}, ANN)
    records.delete(ACCOUNT, first, ANN)
    assert records.create(ACCOUNT, {"Name": "B", "Ext__c": "K"}, ANN) != first


def test_case_sensitive_unique_values(records: Records) -> None:
    """Where a unique field minds case, values that differ in case are different."""
    user = standard("User")
    records.store.update(user, ANN, {"FederationIdentifier": "ann"})
    records.update(user, BEN, {"FederationIdentifier": "ANN"}, ANN)
    assert records.get(user, BEN)["FederationIdentifier"] == "ANN"
    (error,) = refusal(records, user, {"FederationIdentifier": "ann"}, BEN)
    assert error["errorCode"] == "DUPLICATE_VALUE"


# --- upsert ----------------------------------------------------------------------------------------------------------


def test_upsert_creates_then_updates(records: Records) -> None:
    """The first upsert of a key creates the row with it, the next one updates that row, whatever the key's case."""
    made = records.upsert(ACCOUNT, "Ext__c", "K 1", {"Name": "A"}, ANN)
    again = records.upsert(ACCOUNT, "ext__C", "k 1", {"Name": "B"}, ANN)
    assert (made.created, again) == (True, UpsertResult(made.id, created=False))
    row = records.get(ACCOUNT, made.id)
    assert (row["Name"], row["Ext__c"]) == ("B", "K 1")


def test_upserts_at_the_same_time(records: Records) -> None:
    """Of many threads that upsert one new key, one creates the row and the others update it."""
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda n: records.upsert(ACCOUNT, "Ext__c", "K", {"Name": f"A{n}"}, ANN), range(40)))
    assert sum(result.created for result in results) == 1
    assert len({result.id for result in results}) == 1
    assert records.store.count(ACCOUNT) == 1


def test_upsert_by_id_updates_only(records: Records) -> None:
    """The Id is a key too, but nothing is created with a given Id."""
    record_id = records.create(ACCOUNT, {"Name": "A"}, ANN)
    assert records.upsert(ACCOUNT, "Id", record_id[:15], {"Name": "B"}, ANN) == UpsertResult(record_id, created=False)
    with pytest.raises(RecordRefused, match="The requested resource does not exist"):
        records.upsert(ACCOUNT, "Id", "001Lo0000000099IAA", {"Name": "B"}, ANN)


def test_upsert_that_may_only_update(records: Records) -> None:
    """With ``update_only`` a key that is not there is not found, and nothing is created."""
    with pytest.raises(RecordRefused) as refused:
        records.upsert(ACCOUNT, "Ext__c", "K", {"Name": "A"}, ANN, update_only=True)
    assert (refused.value.status, refused.value.error_code) == (404, "NOT_FOUND")
    assert records.store.count(ACCOUNT) == 0


@pytest.mark.parametrize("field_name", ["Namez", "Phone"])
def test_upsert_by_what_is_no_key(records: Records, field_name: str) -> None:
    """Only Id, external ids and lookup keys find a row for an upsert."""
    with pytest.raises(RecordRefused) as refused:
        records.upsert(ACCOUNT, field_name, "1", {"Name": "A"}, ANN)
    message = f"Provided external ID field does not exist or is not accessible: {field_name}"
    assert refused.value.body() == [{"message": message, "errorCode": "NOT_FOUND"}]
    assert refused.value.status == 404


@pytest.mark.parametrize("value", [None, "", " "])
def test_upsert_without_a_value(records: Records, value: str | None) -> None:
    """A key without a value names no row and makes none."""
    with pytest.raises(RecordRefused) as refused:
        records.upsert(ACCOUNT, "Ext__c", value, {"Name": "A"}, ANN)
    assert (refused.value.error_code, refused.value.message) == ("MISSING_ARGUMENT", "Ext__c not specified")


def test_upsert_body_without_its_key(records: Records) -> None:
    """The key is given beside the body, not in it."""
    with pytest.raises(RecordRefused, match="The Ext__c field should not be specified"):
        records.upsert(ACCOUNT, "Ext__c", "K", {"Name": "A", "EXT__C": "K"}, ANN)


def test_upsert_with_several_matches(records: Records) -> None:
    """A key that is not unique and names several rows is refused with their Ids."""
    emails = [records.create(CONTACT, {"LastName": name, "Email": "a@b.example"}, ANN) for name in "LM"]
    with pytest.raises(RecordRefused) as refused:
        records.upsert(CONTACT, "Email", "A@b.example", {"LastName": "N"}, ANN)
    assert refused.value.error_code == "DUPLICATE_EXTERNAL_ID"
    message = f"Email: more than one record found for external id field: [{emails[0]}, {emails[1]}]"
    assert refused.value.message == message
