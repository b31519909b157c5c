"""All fields of an object, by its bare name or by FIELDS() without a small LIMIT."""

from __future__ import annotations

import pytest

import sfdata
from sfdata.errors import InvalidField, InvalidType, SoqlSyntaxError
from sfdata.localorg import LocalOrg
from sfdata.resilience.hooks import RequestDone

PLACE = {
    "name": "Place",
    "fields": [
        {"name": "Id", "type": "id", "custom": False},
        {"name": "Name", "type": "string", "custom": False},
        {"name": "Address", "type": "address", "custom": False},
        {"name": "City", "type": "string", "custom": False, "compoundFieldName": "Address"},
        {"name": "Alone", "type": "location", "custom": False},
        {"name": "Body", "type": "base64", "custom": False},
        {"name": "Old__c", "type": "string", "custom": True, "deprecatedAndHidden": True},
        {"name": "Color__c", "type": "picklist", "custom": True, "compoundFieldName": None},
        {"name": "Metadata", "type": "complexvalue", "custom": False},
        {"name": "Weight__c", "type": "double", "custom": True},
    ],
}
ALL = "Id, Name, City, Alone, Color__c, Weight__c"


@pytest.fixture
def place(org):
    org.objects["Place"] = PLACE
    org.pages = {"q": [{"totalSize": 0, "done": True, "records": []}]}
    return org


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Place", f"SELECT {ALL} FROM Place"),
        (" \n Place ", f"SELECT {ALL} FROM Place"),
        ("SELECT FIELDS(ALL) FROM Place", f"SELECT {ALL} FROM Place"),
        ("SELECT fields(all) FROM Place LIMIT 201", f"SELECT {ALL} FROM Place LIMIT 201"),
        ("SELECT FIELDS(CUSTOM) FROM Place ORDER BY Id", "SELECT Color__c, Weight__c FROM Place ORDER BY Id"),
        ("SELECT Name, FIELDS(CUSTOM), City FROM Place", "SELECT Name, Color__c, Weight__c, City FROM Place"),
        ("SELECT p.weight__c, FIELDS(CUSTOM) FROM Place p", "SELECT p.weight__c, Color__c FROM Place p"),
        ("SELECT FIELDS(CUSTOM), FIELDS(ALL) FROM Place", f"SELECT {ALL} FROM Place"),
    ],
)
def test_what_the_org_would_refuse_is_spelt_out(place, soql, written, sent):
    """Every field that rows can hold, in the org's order and once: no file content, no compound beside its parts."""
    query = soql(written)
    query.to_pandas()
    assert (place.asked, query.text) == ([sent], sent)


@pytest.mark.parametrize(
    "written",
    [
        "SELECT FIELDS(ALL) FROM Place LIMIT 200",
        "SELECT FIELDS(STANDARD) FROM Place",
        "SELECT Id, (SELECT FIELDS(ALL) FROM Contacts LIMIT 200) FROM Account",
    ],
)
def test_what_the_org_serves_itself_is_left_to_it(place, soql, written):
    """FIELDS() up to 200 rows, of standard fields, or in a subquery goes out as it was written."""
    soql(written).to_pandas()
    assert place.asked == [written]


def test_a_bulk_job_gets_names_always(place, soql):
    """A job takes no FIELDS(), whatever the LIMIT, and no compound field."""
    query = soql("SELECT FIELDS(ALL) FROM Place LIMIT 5", engine="bulk").query
    assert str(query) == "SELECT Id, Name, City, Color__c, Weight__c FROM Place LIMIT 5"


def test_nothing_is_sent_before_the_fields_are_needed(place, soql):
    """Making the query asks nothing of the org; until then its text is what was meant."""
    query = soql("Place")
    assert query.text == "SELECT FIELDS(ALL) FROM Place"
    assert repr(query) == "Soql('SELECT FIELDS(ALL) FROM Place')"
    assert place.events == []
    assert query.query.source.name == "Place"
    assert query.text == f"SELECT {ALL} FROM Place"
    assert [event.path[-8:] for event in place.events if isinstance(event, RequestDone)] == ["describe"]


def test_an_unknown_name_is_answered_with_the_nearest(place, soql):
    """A bare name that is no object is an InvalidType with a hint; without custom fields there is nothing to select."""
    with pytest.raises(InvalidType) as caught:
        soql("Plaice").to_pandas()
    assert caught.value.hint == "Did you mean Place?"
    with pytest.raises(InvalidField, match="no custom fields"):
        soql("SELECT FIELDS(CUSTOM) FROM Account").to_pandas()


@pytest.mark.parametrize("written", ["SELECT", "from", "Account Contact", "Account;", "1Account", "Account.Name", ""])
def test_what_is_no_name_is_a_query(soql, written):
    """Keywords and anything but one word are read as a query, with its errors."""
    with pytest.raises(SoqlSyntaxError):
        soql(written)


@pytest.fixture(scope="module")
def local():
    with (
        LocalOrg(sample_data=False) as running,
        sfdata.connect(instance_url=running.instance_url, access_token=running.access_token) as connected,
    ):
        yield connected


@pytest.mark.parametrize("name", ["User", "Account", "Contact", "Attachment"])
def test_an_org_takes_the_names_through_both_engines(local, name):
    """The spelt out query is served by REST and by a job alike, with describe's fields, save what rows cannot hold."""
    by_rest, by_job = (local.query(name, engine=engine) for engine in ("rest", "bulk"))
    described = local.describe(name)
    left_out = {field["name"] for field in described["fields"] if field["type"] in ("address", "location", "base64")}
    expected = [field["name"] for field in described["fields"] if field["name"] not in left_out]
    assert by_rest.columns.tolist() == by_job.columns.tolist() == expected
    assert len(by_rest) == len(by_job) == local.soql(name).count()
    assert by_rest.dtypes.to_dict() == by_job.dtypes.to_dict()
