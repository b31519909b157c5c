from __future__ import annotations

import datetime as dt
import json
import pickle

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.errors import UnreadableAnswer
from sfdata.frames.batch import children
from sfdata.frames.decode import count_only


def page(records, *, total=None, **more):
    """A query answer with these records."""
    total = len(records) if total is None else total
    return json.dumps({"totalSize": total, "done": True, **more, "records": records}).encode()


def record(kind, record_id="001AA000000001AYAQ", **fields):
    url = f"/services/data/v67.0/sobjects/{kind}/{record_id}"
    return {"attributes": {"type": kind, "url": url}, **fields}


def read(decoder, soql, records, **options):
    decode = decoder(soql)
    return decode.batch(decode.parse(page(records)).records).to_frame({}, **options)


ALL_TYPES = (
    "SELECT Id, Industry, NumberOfEmployees, AnnualRevenue, Active__c, Founded__c, Opens__c, CreatedDate FROM Account"
)
VALUES = {
    "Id": "001AA000000001AYAQ",
    "Industry": "007",
    "NumberOfEmployees": 5,
    "AnnualRevenue": 1e7,
    "Active__c": True,
    "Founded__c": "1998-02-28",
    "Opens__c": "09:30:00.500Z",
    "CreatedDate": "2022-03-17T16:21:26.000+0000",
}
DTYPES = {
    "Id": "str",
    "Industry": "str",
    "NumberOfEmployees": "Int64",
    "AnnualRevenue": "float64",
    "Active__c": "boolean",
    "Founded__c": "date32[day][pyarrow]",
    "Opens__c": "time32[ms][pyarrow]",
    "CreatedDate": "datetime64[ms, UTC]",
}


def test_each_type_keeps_its_values(decoder):
    """Text stays text, numbers numbers, dates dates; a datetime is aware and in UTC."""
    frame = read(decoder, ALL_TYPES, [record("Account", **VALUES)])
    assert frame.iloc[0].to_dict() == {
        "Id": "001AA000000001AYAQ",
        "Industry": "007",
        "NumberOfEmployees": 5,
        "AnnualRevenue": 10_000_000.0,
        "Active__c": True,
        "Founded__c": dt.date(1998, 2, 28),
        "Opens__c": dt.time(9, 30, 0, 500_000),
        "CreatedDate": pd.Timestamp("2022-03-17 16:21:26", tz="UTC"),
    }


@pytest.mark.catalogue("T1")
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_dtypes_do_not_depend_on_values(decoder, rows):
    """No rows, only nulls or plenty of values: the dtypes are the same."""
    nothing = dict.fromkeys(VALUES)
    for values in (nothing, VALUES):
        frame = read(decoder, ALL_TYPES, [record("Account", **values)] * rows)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == DTYPES
        assert len(frame) == rows


def test_dtype_backends_are_pandas_own(decoder):
    """numpy_nullable and pyarrow mean what they mean in pandas' readers; another word is refused."""
    rows = [record("Account", **VALUES)]
    nullable = read(decoder, ALL_TYPES, rows, dtype_backend="numpy_nullable")
    assert [str(nullable[c].dtype) for c in ("Id", "NumberOfEmployees", "AnnualRevenue")] == [
        "string",
        "Int64",
        "Float64",
    ]
    arrow = read(decoder, ALL_TYPES, rows, dtype_backend="pyarrow")
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in arrow.dtypes)
    with pytest.raises(ValueError, match="numpy_nullable"):
        read(decoder, ALL_TYPES, rows, dtype_backend="polars")


def test_whole_numbers_may_be_written_as_doubles(decoder):
    """Orgs write 5 as 5.0 and 10000000 as 1E7; integers stay integers all the same."""
    body = b'{"totalSize":2,"done":true,"records":[{"NumberOfEmployees":5.0},{"NumberOfEmployees":1E7}]}'
    decode = decoder("SELECT NumberOfEmployees FROM Account")
    assert decode.batch(decode.parse(body).records).table.to_pydict() == {"NumberOfEmployees": [5, 10_000_000]}


def test_a_fraction_in_an_integer_field_is_refused(decoder):
    """An integer field that holds 5.5 is an error that names the column, never a rounded number."""
    with pytest.raises(UnreadableAnswer, match="NumberOfEmployees"):
        read(decoder, "SELECT NumberOfEmployees FROM Account", [record("Account", NumberOfEmployees=5.5)])


def test_parents_are_flattened_at_any_depth(decoder):
    """A parent's field is a dotted column; a missing parent at any level is a missing value."""
    soql = "SELECT Account.Owner.Manager.Name, Account.Name FROM Contact"
    full = {"Name": "A", "Owner": {"Manager": {"Name": "Ann"}}}
    no_manager = {"Name": "B", "Owner": {"Manager": None}}
    frame = read(decoder, soql, [record("Contact", Account=a) for a in (full, no_manager, None)])
    assert frame["Account.Name"].isna().tolist() == [False, False, True]
    assert frame["Account.Owner.Manager.Name"].tolist()[0] == "Ann"
    assert frame["Account.Owner.Manager.Name"].isna().tolist() == [False, True, True]


def test_compound_fields_become_their_parts(decoder):
    """An address is ten typed columns, all missing where the address is; the codes come where the org has lists."""
    address = {"city": "Łódź", "countryCode": "PL", "latitude": 51.77, "longitude": None, "postalCode": "01-067"}
    frame = read(
        decoder, "SELECT BillingAddress FROM Account", [record("Account", BillingAddress=a) for a in (address, None)]
    )
    assert frame["BillingAddress.postalCode"].tolist()[0] == "01-067"
    assert frame["BillingAddress.latitude"].tolist()[0] == 51.77
    assert frame["BillingAddress.countryCode"].tolist()[0] == "PL"
    assert [str(dtype) for dtype in frame.dtypes].count("float64") == 2
    assert len(frame.columns) == 10
    assert frame.iloc[1].isna().all()


def test_an_address_may_be_left_out_where_fields_are_not_named(decoder):
    """FIELDS() asks for whatever there is: what a record lacks, a whole compound field too, is missing."""
    frame = read(decoder, "SELECT FIELDS(ALL) FROM Account LIMIT 1", [record("Account", Name="A")])
    assert frame.loc[0].dropna().to_dict() == {"Name": "A"}


def test_typeof_branches_share_one_row(decoder):
    """Each branch fills its own columns, and the parent's type says which it was."""
    soql = "SELECT TYPEOF What WHEN Account THEN Industry WHEN Opportunity THEN Amount END FROM Task"
    rows = [
        record("Task", What=record("Account", Industry="Energy")),
        record("Task", What=record("Opportunity", Amount=5.0)),
        record("Task", What=None),
    ]
    frame = read(decoder, soql, rows)
    assert frame["What.Type"].tolist()[:2] == ["Account", "Opportunity"]
    assert frame["What.Industry"].isna().tolist() == [False, True, True]
    assert frame["What.Amount"].isna().tolist() == [True, False, True]


def test_aggregates_are_found_under_the_apis_own_keys(decoder):
    """expr0 and the grouped field's last name become the columns the query names."""
    rows = [{"attributes": {"type": "AggregateResult"}, "Name": "Ann", "expr0": 3, "top": 2.5}]
    frame = read(decoder, "SELECT Owner.Name, COUNT(Id), MAX(AnnualRevenue) top FROM Account GROUP BY Owner.Name", rows)
    assert frame.to_dict("records") == [{"Owner.Name": "Ann", "COUNT(Id)": 3, "top": 2.5}]


def test_anytype_values_are_kept_as_text(decoder):
    """A field that may hold anything is text: strings as they are, the rest as the JSON they came as."""
    frame = read(
        decoder, "SELECT Anything__c FROM Account", [record("Account", Anything__c=v) for v in ("x", 5, True, None)]
    )
    assert frame["Anything__c"].tolist()[:3] == ["x", "5", "true"]


def test_a_type_nobody_knows_is_kept_as_text(decoder):
    """A field whose type describe calls by a word of the future loses nothing: it is text, or the JSON it came as."""
    rows = [record("Task", Strange__c=value) for value in ("x", 5, {"é": [1]}, None)]
    frame = read(decoder, "SELECT Strange__c FROM Task", rows)
    assert frame["Strange__c"].tolist()[:3] == ["x", "5", '{"é": [1]}']
    assert frame["Strange__c"].isna().tolist() == [False, False, False, True]


@pytest.mark.parametrize("missing", ["Name", "Contacts"])
def test_a_page_without_a_selected_field_is_refused(decoder, missing):
    """The API sends every selected field and subquery; a record without one is an error, not a missing value."""
    full = record("Account", Name="A", Contacts=None)
    soql = "SELECT Name, (SELECT Name FROM Contacts) FROM Account"
    assert len(read(decoder, soql, [full])) == 1
    with pytest.raises(UnreadableAnswer, match=missing):
        read(decoder, soql, [{key: value for key, value in full.items() if key != missing}])


def test_an_alias_for_a_parents_field_is_found_wherever_the_org_puts_it(decoder):
    """The value stands in the record or in the parent, and is missing only where it is in neither."""
    rows = [
        record("Contact", label="here"),
        record("Contact", Account=record("Account", label="there")),
        record("Contact", Account=None),
    ]
    frame = read(decoder, "SELECT toLabel(Account.Industry) label FROM Contact", rows)
    assert frame["label"].tolist()[:2] == ["here", "there"]
    assert frame["label"].isna().tolist() == [False, False, True]


def test_numbers_keep_every_digit_they_can(decoder):
    """Whole numbers are exact to 64 bits; a larger one is an error that names the column, as a double it would lie."""
    exact = [2**53 + 1, -(2**63), 2**63 - 1, None]
    frame = read(decoder, "SELECT NumberOfEmployees FROM Account", [record("A", NumberOfEmployees=n) for n in exact])
    assert frame["NumberOfEmployees"].tolist()[:3] == exact[:3]
    for large in (2**63, 2**64, 2**70):
        with pytest.raises(UnreadableAnswer, match="NumberOfEmployees: a value is no integer"):
            read(decoder, "SELECT NumberOfEmployees FROM Account", [record("A", NumberOfEmployees=large)])


def test_times_reach_as_far_as_an_orgs_do(decoder):
    """Dates and datetimes from 1700 to 4000 are kept to the millisecond, whatever zone they are written in."""
    written = ["1700-01-01T00:00:00.000+0000", "1969-12-31T23:59:59.999Z", "4000-12-31T23:30:00.000-0030"]
    rows = [record("Account", CreatedDate=text, Founded__c=text[:10]) for text in written]
    frame = read(decoder, "SELECT CreatedDate, Founded__c FROM Account", rows)
    assert [stamp.isoformat() for stamp in frame["CreatedDate"]] == [
        "1700-01-01T00:00:00+00:00",
        "1969-12-31T23:59:59.999000+00:00",
        "4001-01-01T00:00:00+00:00",
    ]
    assert frame["Founded__c"].tolist() == [dt.date(1700, 1, 1), dt.date(1969, 12, 31), dt.date(4000, 12, 31)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("CreatedDate", "2026-01-01T00:00:00"),
        ("CreatedDate", "yesterday"),
        ("Founded__c", "2026-02-30"),
        ("Opens__c", "25:00:00.000Z"),
        ("Active__c", "true"),
        ("NumberOfEmployees", "5"),
        ("AnnualRevenue", "5.0"),
        ("Name", 5),
    ],
)
def test_a_value_outside_its_type_is_refused_by_its_column(decoder, field, value):
    """What is no value of its field's type is one typed error that names the column."""
    with pytest.raises(UnreadableAnswer, match=field):
        read(decoder, f"SELECT {field} FROM Account", [record("Account", **{field: value})])


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b'{"totalSize":1', b'{"done":true}', b"[]", b"\xff\xfe"])
def test_what_is_no_page_is_refused(decoder, body):
    """Anything but a whole page of this query is one typed error."""
    with pytest.raises(UnreadableAnswer):
        decoder("SELECT Id FROM Account").parse(body)
    with pytest.raises(UnreadableAnswer):
        count_only(body)


@pytest.mark.catalogue("N2")
def test_every_cut_of_a_page_is_noticed(decoder):
    """A page cut at any byte is refused, wherever the cut falls."""
    decode = decoder(ALL_TYPES)
    body = page([record("Account", **VALUES)] * 2)
    for end in range(len(body)):
        with pytest.raises(UnreadableAnswer):
            decode.parse(body[:end])


@pytest.mark.catalogue("T6")
def test_half_a_surrogate_pair_is_replaced(decoder):
    """Text an org cut in the middle of an emoji stays readable; the broken half is U+FFFD."""
    body = b'{"totalSize":1,"done":true,"records":[{"Name":"caf\\u00e9 \\ud83d"}]}'
    decode = decoder("SELECT Name FROM Account")
    assert decode.batch(decode.parse(body).records).table.to_pydict() == {"Name": ["café \ufffd"]}


@pytest.mark.catalogue("T6")
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_text_survives_unchanged(decoder, texts):
    """Whatever text an org holds, the frame holds."""
    decode = decoder("SELECT Name FROM Account")
    batch = decode.batch(decode.parse(page([{"Name": text} for text in texts])).records)
    assert batch.table["Name"].to_pylist() == texts


def child_page(records, **more):
    return {"totalSize": len(records), "done": True, "records": records, **more}


def accounts_with_contacts():
    cases = child_page([record("Case", "500AA000000000XYAQ", Subject="Late")])
    first = [
        record("Contact", "003AA000000000AYAQ", Name="Ann", Cases=cases),
        record("Contact", "003AA000000000BYAQ", Name="Bob", Cases=None),
    ]
    return [
        record("Account", "001AA000000001AYAQ", Name="A", Contacts=child_page(first)),
        record("Account", "001AA000000002AYAQ", Name="B", Contacts=None),
        record(
            "Account", "001AA000000003AYAQ", Name="C", Contacts=child_page([record("Contact", Name="Eve", Cases=None)])
        ),
    ]


NESTED = "SELECT Name, (SELECT Name, (SELECT Subject FROM Cases) FROM Contacts) FROM Account"


def test_child_rows_are_a_second_frame_linked_by_the_childs_reference(decoder):
    """Child rows carry their parent's Id under their own reference field, though no Id was selected."""
    frame = read(decoder, NESTED, accounts_with_contacts())
    contacts = children(frame, "contacts")
    assert list(frame.columns) == ["Name"]
    assert contacts.values.tolist() == [
        ["001AA000000001AYAQ", "Ann"],
        ["001AA000000001AYAQ", "Bob"],
        ["001AA000000003AYAQ", "Eve"],
    ]
    assert list(contacts.columns) == ["AccountId", "Name"]
    assert children(contacts, "Cases").to_dict("records") == [{"ContactId": "003AA000000000AYAQ", "Subject": "Late"}]


def test_a_parent_without_an_address_has_no_link(decoder):
    """The link is read off the parent's own address; where the org sends none, it is missing, not made up."""
    kids = child_page([{"Name": "Ann"}])
    rows = [
        {"attributes": None, "Name": "A", "Contacts": kids},
        {"attributes": {"type": "A"}, "Name": "B", "Contacts": kids},
    ]
    contacts = children(read(decoder, "SELECT Name, (SELECT Name FROM Contacts) FROM Account", rows), "Contacts")
    assert contacts["AccountId"].isna().tolist() == [True, True]


def test_a_link_that_is_selected_stays_in_its_place(decoder):
    """A subquery that selects its own reference field gets no second one."""
    kids = child_page([record("Contact", Name="Ann", AccountId="001AA000000001AYAQ")])
    rows = [record("Account", Id="001AA000000001AYAQ", Contacts=kids)]
    frame = read(decoder, "SELECT Id, (SELECT Name, AccountId FROM Contacts) FROM Account", rows)
    assert list(children(frame, "Contacts").columns) == ["Name", "AccountId"]


def test_child_columns_exist_without_child_rows(decoder):
    """No child row at all still gives a typed, empty second frame."""
    contacts = children(read(decoder, NESTED, []), "Contacts")
    assert list(contacts.columns) == ["AccountId", "Name"]
    assert len(contacts) == 0
    assert [str(dtype) for dtype in contacts.dtypes] == ["str", "str"]


def test_child_rows_survive_what_one_does_with_a_frame(decoder, tmp_path):
    """Filtering, sorting and writing to Parquet keep working, and the link stays."""
    frame = read(decoder, NESTED, accounts_with_contacts())
    filtered = frame[frame["Name"] == "A"].sort_values("Name").reset_index()
    assert len(children(filtered, "Contacts")) == 3
    frame.to_parquet(tmp_path / "accounts.parquet")
    assert pd.read_parquet(tmp_path / "accounts.parquet")["Name"].tolist() == ["A", "B", "C"]


def test_child_rows_travel_with_a_copy_and_not_with_a_joined_frame(decoder):
    """A pickled frame keeps its children; frames joined by pandas have none rather than the first one's alone."""
    first, second = (read(decoder, NESTED, accounts_with_contacts()) for _ in range(2))
    assert len(children(pickle.loads(pickle.dumps(first)), "Contacts")) == 3
    with pytest.raises(KeyError, match="it has none"):
        children(pd.concat([first, second]), "Contacts")
    childless = [read(decoder, "SELECT Name FROM Account", [record("Account", Name="A")]) for _ in range(2)]
    assert pd.concat(childless).attrs == childless[0].attrs


def test_children_of_another_frame_are_refused_by_name(decoder):
    """Asking for child rows that did not come says which did."""
    frame = read(decoder, NESTED, accounts_with_contacts())
    with pytest.raises(KeyError, match="it has Contacts"):
        children(frame, "Opportunities")
    with pytest.raises(KeyError, match="it has none"):
        children(pd.DataFrame({"Id": []}), "Contacts")


def test_child_pages_are_found_at_every_depth(decoder):
    """Child pages are listed, inner ones first, with the decoder for what may follow them."""
    decode = decoder(NESTED)
    found = decode.child_pages(decode.parse(page(accounts_with_contacts())).records)
    assert [(d.columns.object_name, p.totalSize) for d, p in found] == [("Case", 1), ("Contact", 2), ("Contact", 1)]


def test_arrow_schema_is_known_without_rows(decoder):
    """The empty batch has the schema of a full one."""
    decode = decoder(ALL_TYPES)
    full = decode.batch(decode.parse(page([record("Account", **VALUES)])).records)
    assert decode.empty().table.schema == full.table.schema
    assert full.table.schema.field("CreatedDate").type == pa.timestamp("ms", "UTC")
