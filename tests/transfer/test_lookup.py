"""Fields of records beside the rows of a frame: a left join with an org on its right."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sfdata
from sfdata.errors import BindError, ConfigurationError, InvalidField, InvalidType, SeveralRecords, UnreadableAnswer
from sfdata.localorg import LocalOrg
from sfdata.resilience.hooks import RequestDone
from sfdata.transfer.lookup import Lookup
from sfdata.transfer.versions import current_versions

SCHEMA = """
[Account.fields]
Code__c  = { type = "text", length = 20, unique = true, case_sensitive = true }
Number__c = { type = "number", precision = 12, scale = 2 }
Group__c = { type = "text", length = 20 }
Day__c   = { type = "date" }
At__c    = { type = "datetime" }
Clock__c = { type = "time" }
Vip__c   = { type = "checkbox" }
Notes__c = { type = "longtext", length = 1000 }
"""
A, B, C, D = "001000000000001AAA", "001000000000aBcAAI", "001000000000AbcAAE", "001000000000009AAA"
ACCOUNTS = """\
Id,Name,ParentId,Ext__c,Code__c,Number__c,Group__c,Day__c,At__c,Clock__c,Vip__c,NumberOfEmployees
001000000000001AAA,Acme,,X-1,a,1,north,2026-01-02,2026-01-02T12:00:00Z,09:30:00,true,10
001000000000aBcAAI,Böhm,001000000000001AAA,x-ÄÖ,A,2.5,NORTH,2026-01-03,2026-01-02T12:00:01Z,09:31:00,false,
001000000000AbcAAE,Cie,001000000000aBcAAI,007,b,,south,,,,false,30
001000000000009AAA,Dodo,,7,,4,,,,,false,0
00100000000000aAAA,Echo,,,,4,,,,,true,
"""
CONTACTS = """\
Id,LastName,AccountId
003000000000002AAA,Zoe,001000000000001AAA
003000000000001AAA,Yan,001000000000001AAA
003000000000003AAA,Xi,001000000000aBcAAI
003000000000004AAA,Wu,
"""


@pytest.fixture(scope="module")
def local_org(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    (folder / "Account.csv").write_text(ACCOUNTS, encoding="utf-8")
    (folder / "Contact.csv").write_text(CONTACTS, encoding="utf-8")
    schema = folder / "schema.toml"
    schema.write_text(SCHEMA, encoding="utf-8")
    seeds = tmp_path_factory.mktemp("files")
    for file in folder.glob("*.csv"):
        file.rename(seeds / file.name)
    with LocalOrg(seed_from=seeds, schema=schema) as org:
        yield org


@pytest.fixture(scope="module")
def org(local_org):
    with sfdata.connect(instance_url=local_org.instance_url, access_token=local_org.access_token) as org:
        yield org


@pytest.fixture
def asked(org):
    """The last part of the address of each request, in order."""
    paths = []
    stop = org.hooks.subscribe(lambda e: paths.append(e.path.rsplit("/", 1)[-1]) if isinstance(e, RequestDone) else 0)
    yield paths
    stop()


class Listening:
    """An org that keeps the queries it is asked."""

    def __init__(self, org):
        self.org = org
        self.queries = []

    def describe(self, name):
        return self.org.describe(name)

    def soql(self, text, params, **options):
        query = self.org.soql(text, params, **options)
        self.queries.append(query.text)
        return query


def frame(**columns):
    return pd.DataFrame(columns)


def looked_up(org, keys, fields="Name", on="Key", **options):
    """The values of the first new column beside these keys, None where they are missing."""
    joined = frame(**{on: keys}).sf.lookup("Account", on=on, fields=fields, org=org, **options)
    values = joined.iloc[:, 1]
    return [None if missing else value for value, missing in zip(values, values.isna(), strict=True)]


# --- the join ---------------------------------------------------------------------------------------------------------


def test_fields_stand_beside_the_rows(org):
    """New columns come behind the old ones, in the order asked for, parents' fields too; rows keep their place."""
    left = frame(n=[1, 2, 3, 4], AccountId=[B, A, B, "001000000000000AAA"])
    joined = left.sf.lookup("Account", "AccountId", ["Name", "Parent.Name", "NumberOfEmployees"], org=org)
    assert joined.columns.tolist() == ["n", "AccountId", "Name", "Parent.Name", "NumberOfEmployees"]
    assert joined["n"].tolist() == [1, 2, 3, 4]
    assert joined["Name"].fillna("-").tolist() == ["Böhm", "Acme", "Böhm", "-"]
    assert joined["Parent.Name"].fillna("-").tolist() == ["Acme", "-", "Acme", "-"]
    assert joined["NumberOfEmployees"].fillna(-1).tolist() == [-1, 10, -1, -1]
    assert joined.dtypes.astype(str).to_dict() == {
        "n": "int64",
        "AccountId": "str",
        "Name": "str",
        "Parent.Name": "str",
        "NumberOfEmployees": "Int64",
    }
    assert left.columns.tolist() == ["n", "AccountId"]


INDEXES = {
    "one with duplicates": pd.Index(["r", "r", "q"], name="row"),
    "of dates": pd.date_range("2026-01-01", periods=3),
    "of several levels": pd.MultiIndex.from_tuples([(1, "a"), (1, "a"), (0, None)], names=["x", None]),
    "of no order": pd.RangeIndex(9, 0, -3),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES.keys())
def test_the_index_stays(org, index):
    """Whatever the index is, the joined frame has it, row by row."""
    left = pd.DataFrame({"Ext__c": ["x-1", None, "007"]}, index=index)
    joined = left.sf.lookup("Account", on="Ext__c", fields="Id", org=org)
    pd.testing.assert_index_equal(joined.index, index)
    assert joined["Id"].fillna("-").tolist() == [A, "-", C]
    assert left["Ext__c"].sf.lookup("Account", "Id", org=org).index.equals(index)


def test_the_key_may_be_a_level_of_the_index(org):
    """``on`` names a level as it names a column."""
    left = pd.DataFrame({"n": [1, 2]}, index=pd.MultiIndex.from_tuples([("007", 0), ("X-1", 0)], names=["Ext__c", "m"]))
    joined = left.sf.lookup("Account", on="Ext__c", fields="Name", org=org)
    assert joined["Name"].tolist() == ["Cie", "Acme"]
    assert joined.index.equals(left.index)


def test_columns_of_several_levels_take_new_ones_at_the_top(org):
    """A new column is found by its name, as pandas puts a single name into such a frame."""
    left = pd.DataFrame([["X-1", 5]], columns=pd.MultiIndex.from_tuples([("Ext__c", ""), ("sums", "n")]))
    joined = left.sf.lookup("Account", on=("Ext__c", ""), key="Ext__c", fields="Name", org=org)
    assert joined.columns.tolist() == [("Ext__c", ""), ("sums", "n"), ("Name", "")]
    assert joined["Name"].tolist() == ["Acme"]


def test_provenance_stays_the_frames_own(org):
    """attrs are those of the frame that was given."""
    left = org.query("SELECT Id, LastName, AccountId FROM Contact")
    left.attrs["note"] = "mine"
    joined = left.sf.lookup("Account", on="AccountId", fields="Name", org=org)
    assert joined.attrs == left.attrs
    assert joined.attrs["sfdata"]["object"] == "Contact"


def test_dtypes_are_those_of_describe(org):
    """Every kind of field has its dtype, with matches, without, and where nothing is sent; in each backend."""
    fields = ["Name", "NumberOfEmployees", "Number__c", "Vip__c", "Day__c", "At__c", "Clock__c", "BillingAddress"]
    for backend in (None, "numpy_nullable", "pyarrow"):
        expected = org.query(f"SELECT {', '.join(fields)} FROM Account", dtype_backend=backend).dtypes.to_dict()
        for keys in ([A], ["001000000000000AAA"], [None]):
            left = frame(Key=pd.Series(keys, dtype="str"))
            joined = left.sf.lookup("Account", "Key", fields, key="Id", dtype_backend=backend, org=org)
            assert joined.drop(columns="Key").dtypes.to_dict() == expected


# --- keys -------------------------------------------------------------------------------------------------------------

KEYS = {
    "Ids of either length": ("Id", [A[:15], B, B[:15], C.lower()], ["Acme", "Böhm", "Böhm", "Cie"]),
    "parents": ("ParentId", [A[:15], B, C], ["Böhm", "Cie", None]),
    "external ids in any case": ("Ext__c", ["x-1", "X-äö ", "007", "7", "0007"], ["Acme", "Böhm", "Cie", "Dodo", None]),
    "texts in their own case": ("Code__c", ["a", "A", "b", "B"], ["Acme", "Böhm", "Cie", None]),
    "whole numbers": ("NumberOfEmployees", [10, 30, 11], ["Acme", "Cie", None]),
    "numbers with fractions": ("Number__c", [1.0, 2.5, 3.0], ["Acme", "Böhm", None]),
    "decimals": ("Number__c", [Decimal("1.00"), Decimal("2.50")], ["Acme", "Böhm"]),
    "dates": ("Day__c", [dt.date(2026, 1, 3), dt.date(2026, 1, 2), None], ["Böhm", "Acme", None]),
    "timestamps for dates": ("Day__c", pd.to_datetime(["2026-01-03", None]), ["Böhm", None]),
    "instants": ("At__c", pd.to_datetime(["2026-01-02 13:00:01+01:00", None], utc=True), ["Böhm", None]),
    "times": ("Clock__c", [dt.time(9, 31), dt.time(9, 32)], ["Böhm", None]),
    "what may be missing": ("Ext__c", ["007", None, np.nan, pd.NA, pd.NaT, "", "  "], ["Cie", *[None] * 6]),
    "nullable integers": ("NumberOfEmployees", pd.array([30, None], "Int64"), ["Cie", None]),
    "floats with gaps": ("Number__c", [np.nan, 2.5], [None, "Böhm"]),
    "categories": ("Ext__c", pd.Categorical(["7", None, "007", "7"]), ["Dodo", None, "Cie", "Dodo"]),
    "Arrow's texts": ("Ext__c", pd.array(["7", None], "string[pyarrow]"), ["Dodo", None]),
    "Arrow's dates": ("Day__c", pd.Series([dt.date(2026, 1, 3)], dtype="date32[pyarrow]"), ["Böhm"]),
    "Arrow's instants": (
        "At__c",
        pd.Series([dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)], dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))),
        ["Acme"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("key", "keys", "names"), KEYS.values(), ids=KEYS.keys())
def test_keys_are_compared_as_the_org_compares(org, key, keys, names):
    """Each form of a key finds the record that the org would, and only that."""
    assert looked_up(org, keys, key=key) == names


def test_a_truth_is_a_key_too(org):
    """Any field that can be filtered will do, if several records are expected."""
    joined = frame(Key=[True]).sf.lookup("Account", "Key", "Name", key="Vip__c", many="all", org=org)
    assert joined["Name"].tolist() == ["Acme", "Echo"]


def test_a_key_is_asked_for_once(org):
    """Rows that share a key share the question, and one query asks for all."""
    listening = Listening(org)
    left = frame(Key=[A, A[:15], A.lower(), B, A, None])
    Lookup(listening, "Account", ["Name"], key="Id").into(left, "Key")
    assert listening.queries == [f"SELECT Name, Id FROM Account WHERE Id IN ('{A}', '{B}')"]


@pytest.mark.parametrize("keys", [[], [None, None], ["", " "], ["x" * 81]], ids=["none", "null", "blank", "too long"])
def test_without_a_key_no_query_is_sent(org, asked, keys):
    """What can match nothing is not asked for; the columns are there all the same."""
    joined = frame(Ext__c=pd.Series(keys, dtype="str")).sf.lookup("Account", "Ext__c", ["Id", "At__c"], org=org)
    assert len(joined) == len(keys)
    assert joined["Id"].isna().all()
    assert str(joined["At__c"].dtype) == "datetime64[ms, UTC]"
    assert "query" not in asked


WRONG_KEYS = {
    "numbers for texts": ([7, 8], "Ext__c", "Account.Ext__c is compared with text, but the keys hold 7, 8\n"),
    "texts for numbers": (["7"], "Number__c", "numbers up to"),
    "names for Ids": (["Acme", "B", "C", "D"], "Id", "Ids of 15 or 18 .* 'Acme', 'B', 'C' and 1 more\n"),
    "instants without a zone": (pd.to_datetime(["2026-01-02 12:00"]), "At__c", "with a time zone"),
    "lists": ([["a"]], "Ext__c", "such as lists"),
}


@pytest.mark.parametrize(("keys", "key", "message"), WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_keys_of_another_type_are_refused_before_anything_is_sent(org, asked, keys, key, message):
    """Nothing is converted by guessing: the message shows what is wrong, and no query is sent."""
    with pytest.raises(BindError, match=message):
        looked_up(org, keys, key=key)
    assert "query" not in asked


DEFAULT_KEYS = {
    "Ids of the object": ("AccountId", [A, B], "Id"),
    "Ids of the object, although it has a reference of that name": ("ParentId", [A], "Id"),
    "a reference of that name to other objects": ("OwnerId", ["005000000000001AAA"], "OwnerId"),
    "Ids of several objects": ("WhatId", [A, "006000000000001AAA"], "Id"),
    "a field of that name in any case": ("EXT__C", ["007"], "Ext__c"),
    "a text field of that name, whatever it holds": ("Ext__c", [A], "Ext__c"),
    "a name, and nothing else to go by": ("ParentId", [], "ParentId"),
    "nothing to go by": ("AccountId", [None], "Id"),
}


@pytest.mark.parametrize(("on", "keys", "key"), DEFAULT_KEYS.values(), ids=DEFAULT_KEYS.keys())
def test_the_key_follows_from_the_column(org, on, keys, key):
    """Ids of the object are its Id, everything else is the field of the same name."""
    question = Lookup(org, "Account", ["Name"])._question(on, [one for one in keys if one is not None])
    assert question.key.name == key


def test_a_column_that_is_no_key_is_told_so(org, asked):
    """Neither Ids of the object nor one of its fields: the nearest name helps."""
    with pytest.raises(ConfigurationError, match="it has no field 'Exto__c'") as caught:
        looked_up(org, ["007"], on="Exto__c")
    assert caught.value.hint == "key= names the field that holds them: Ext__c?"
    with pytest.raises(ConfigurationError, match="no Ids of Account"):
        looked_up(org, ["003000000000001AAA"], on="Whom")
    assert "query" not in asked


# --- many keys --------------------------------------------------------------------------------------------------------


def test_nine_thousand_keys_are_as_good_as_two(tmp_path):
    """They take several statements, as no statement may be longer than an org allows; every row has its own record."""
    rows = [f"N{n},Key-{n:05}" for n in range(0, 9_000, 10)]
    (tmp_path / "Account.csv").write_text("\n".join(["Name,Ext__c", *rows]), encoding="utf-8")
    asked = []
    with (
        LocalOrg(seed_from=tmp_path) as local,
        sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as org,
    ):
        org.hooks.subscribe(lambda event: asked.append(event.path) if isinstance(event, RequestDone) else None)
        keys = [f"KEY-{n:05}" for n in range(9_000)][::-1]
        joined = frame(Ext__c=keys * 2).sf.lookup("Account", on="Ext__c", fields="Name", org=org)
    assert joined["Name"].fillna("-").tolist() == ["-" if n % 10 else f"N{n}" for n in range(9_000)][::-1] * 2
    # A key takes 13 characters, with quotes, comma and blank: more than 100,000 of them, and fewer than twice that.
    assert sum("/describe" not in path for path in asked) == 2


# --- several records --------------------------------------------------------------------------------------------------


def test_several_records_are_refused_with_their_ids(org):
    """The error names the keys that are not unique, and holds all their records."""
    left = frame(Group__c=["north", "SOUTH", "North", "west"])
    with pytest.raises(SeveralRecords, match=r"Group__c .* 'north' ") as caught:
        left.sf.lookup("Account", on="Group__c", fields="Name", org=org)
    assert caught.value.records == {"north": (A, B), "North": (A, B)}
    with pytest.raises(LookupError):
        frame(Key=[A]).sf.lookup("Contact", on="Key", fields="LastName", key="AccountId", org=org)


def test_the_first_of_several_is_the_lowest_id(org):
    """One row stays one row."""
    left = frame(AccountId=[B, A, C])
    joined = left.sf.lookup("Contact", on="AccountId", fields=["LastName", "Id"], many="first", org=org)
    assert joined["LastName"].fillna("-").tolist() == ["Xi", "Yan", "-"]
    assert joined["Id"].tolist()[1] == "003000000000001AAA"


def test_all_of_several_repeat_the_row(org):
    """As in pandas' merge: each record has a row, the rows stay in order, and the index is repeated with them."""
    left = pd.DataFrame({"n": [1, 2, 3, 4], "AccountId": [B, A, None, A]}, index=list("wxyz"))
    joined = left.sf.lookup("Contact", on="AccountId", fields="LastName", many="all", org=org)
    assert joined.index.tolist() == list("wxxyzz")
    assert joined["n"].tolist() == [1, 2, 2, 3, 4, 4]
    assert joined["LastName"].fillna("-").tolist() == ["Xi", "Yan", "Zoe", "-", "Yan", "Zoe"]
    found = left["AccountId"].sf.lookup("Contact", "LastName", many="all", org=org)
    assert found.index.tolist() == list("wxxyzz")
    assert found["LastName"].fillna("-").tolist() == ["Xi", "Yan", "Zoe", "-", "Yan", "Zoe"]


def test_the_indicator_tells_found_from_not(org):
    """A record without values is still found."""
    left = frame(Id=[C, "001000000000000AAA"])
    joined = left.sf.lookup("Account", on="Id", fields="Day__c", indicator=True, org=org)
    assert joined["Day__c"].isna().tolist() == [True, True]
    assert joined["_merge"].tolist() == ["both", "left_only"]
    right = frame(Id=[C], Day__c=[None])
    assert joined["_merge"].dtype == left.merge(right, on="Id", how="left", indicator=True)["_merge"].dtype
    assert "found" in left.sf.lookup("Account", on="Id", fields="Day__c", indicator="found", org=org)


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED = {
    "no such object": ({"object_name": "Acount"}, InvalidType, "Acount", "Did you mean Account?"),
    "no such field": ({"fields": ["Id", "Nmae"]}, InvalidField, "'Nmae' on entity 'Account'", "Did you mean Name?"),
    "no such field of a parent": ({"fields": "Parent.Nmae"}, InvalidField, "'Nmae'", "Did you mean Name?"),
    "no such key": ({"key": "Ext_c"}, InvalidField, "'Ext_c'", "Did you mean Ext__c?"),
    "a key that cannot be filtered": ({"key": "Notes__c"}, InvalidField, "'Notes__c' can not be filtered", None),
    "a key that is compound": ({"key": "BillingAddress"}, InvalidField, "'BillingAddress' can not be", None),
    "no such column": ({"on": "AcountId"}, ConfigurationError, "no column 'AcountId'", "Did you mean AccountId?"),
    "a column that is there": ({"fields": "Name"}, ConfigurationError, "two columns named Name", 'prefix="Account."'),
    "no field": ({"fields": []}, ConfigurationError, "at least one", None),
    "a field twice": ({"fields": ["Id", "id"]}, ConfigurationError, "each once", None),
    "more than a field": ({"fields": "COUNT(Id)"}, ConfigurationError, "'COUNT.Id.' is no field", None),
    "a field that is no text": ({"fields": [1]}, ConfigurationError, "1 is no field", None),
    "an indicator that is a field": ({"indicator": "Id"}, ConfigurationError, "two columns named Id", None),
    "a wish for several": ({"many": "last"}, ConfigurationError, "'last' is none of 'error', 'first', 'all'", None),
    "a backend": ({"dtype_backend": "polars"}, ConfigurationError, "'polars' is neither", None),
}  # fmt: skip


@pytest.mark.parametrize(("options", "error", "message", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_what_describe_can_tell_is_refused_before_anything_is_sent(org, asked, options, error, message, hint):
    """No query is sent that cannot be answered; the message names what is wrong, the hint the next step."""
    left = frame(AccountId=[A], Name=["mine"])
    with pytest.raises(error, match=message) as caught:
        left.sf.lookup(**{"object_name": "Account", "on": "AccountId", "fields": "Id", "org": org, **options})
    assert hint is None or (caught.value.hint or "").startswith(hint)
    assert "query" not in asked


def test_a_prefix_sets_columns_apart(org):
    """New names begin with it; an indicator, which is none of the org's fields, keeps its own."""
    left = frame(ParentId=[A], Name=["mine"])
    joined = left.sf.lookup("Account", "ParentId", ["Name", "Owner.Name"], prefix="Parent.", indicator=True, org=org)
    assert joined.columns.tolist() == ["ParentId", "Name", "Parent.Name", "Parent.Owner.Name", "_merge"]
    with pytest.raises(ConfigurationError) as caught:
        left.sf.lookup("Account", "ParentId", "Name", org=org)
    assert (caught.value.hint or "").startswith('prefix="Parent."')


def test_a_name_that_stands_twice_is_ambiguous(org):
    """Two columns, or a column and a level, of one name leave open which is meant."""
    twice = pd.DataFrame([[A, B]], columns=["Id", "Id"])
    with pytest.raises(ConfigurationError, match="ambiguous"):
        twice.sf.lookup("Account", on="Id", fields="Name", org=org)
    both = pd.DataFrame({"Id": [A]}, index=pd.Index([B], name="Id"))
    with pytest.raises(ConfigurationError, match="ambiguous"):
        both.sf.lookup("Account", on="Id", fields="Name", org=org)


def test_selecting_the_key_itself_is_no_conflict(org):
    """Id and the key are asked for once, whether they are wanted or not and however they are spelled."""
    joined = frame(Key=["007"]).sf.lookup("Account", "Key", ["id", "ext__C", "Account.Name"], key="EXT__C", org=org)
    assert joined.to_dict("records") == [{"Key": "007", "id": C, "ext__C": "007", "Name": "Cie"}]


def test_deleted_records_are_found_only_when_asked_for(local_org, org):
    """all_rows looks into the recycle bin."""
    http = httpx.Client(
        base_url=f"{local_org.instance_url}/services/data/v66.0",
        headers={"Authorization": f"Bearer {local_org.access_token}"},
        trust_env=False,
    )
    with http:
        gone = http.post("/sobjects/Account", json={"Name": "Gone", "Ext__c": "gone"}).json()["id"]
        assert http.delete(f"/sobjects/Account/{gone}").status_code == 204
    assert looked_up(org, ["gone"], key="Ext__c") == [None]
    assert looked_up(org, ["gone"], key="Ext__c", all_rows=True) == ["Gone"]


def test_a_record_nobody_asked_for_is_an_error(org):
    """Should an org call equal what we tell apart, a record is not left out in silence."""

    class Generous(Listening):
        def soql(self, text, params, **options):
            return self.org.soql(text.replace(":keys", ":more"), {"more": [*params["keys"], "007"]}, **options)

    with pytest.raises(UnreadableAnswer, match="'007', was not asked for"):
        Lookup(Generous(org), "Account", ["Name"]).into(frame(Ext__c=["7"]), "Ext__c")


# --- Series, Arrow, Polars --------------------------------------------------------------------------------------------


def test_a_series_of_keys_gives_the_fields_alone(org):
    """On its own index; its name, if it has one, says which key it holds."""
    found = pd.Series(["007", None, "7"], index=[5, 5, 1], name="Ext__c").sf.lookup("Account", ["Id", "Name"], org=org)
    assert found.index.tolist() == [5, 5, 1]
    assert found.fillna("-").values.tolist() == [[C, "Cie"], ["-", "-"], [D, "Dodo"]]
    assert pd.Series([A]).sf.lookup("Account", "Name", prefix="A.", org=org)["A.Name"].tolist() == ["Acme"]


def test_arrow_tables_are_given_back_as_such(org):
    """The schema gains the new fields, typed as in to_arrow, and keeps its own."""
    table = pa.table({"n": pa.array([1, 2], pa.int8()), "Ext__c": ["007", None]}).replace_schema_metadata({"a": "b"})
    joined = sfdata.lookup(table, "Account", on="Ext__c", fields=["Id", "At__c"], org=org)
    assert isinstance(joined, pa.Table)
    assert joined.schema.names == ["n", "Ext__c", "Id", "At__c"]
    assert joined.schema.types[0] == pa.int8()
    assert joined.schema.types[2:] == [pa.string(), pa.timestamp("ms", "UTC")]
    assert joined.schema.metadata == {b"a": b"b"}
    assert joined["Id"].to_pylist() == [C, None]
    many = sfdata.lookup(table, "Account", on="n", fields="Name", key="Number__c", many="all", org=org)
    assert many["Name"].to_pylist() == ["Acme", None]


def test_polars_frames_are_given_back_as_such(org):
    """Rows repeated and new columns included."""
    polars = pytest.importorskip("polars")
    left = polars.DataFrame({"AccountId": [B, A, None], "n": [1, 2, 3]})
    joined = sfdata.lookup(left, "Contact", on="AccountId", fields="LastName", many="all", indicator=True, org=org)
    assert isinstance(joined, polars.DataFrame)
    assert joined.select("n", "LastName").rows() == [(1, "Xi"), (2, "Yan"), (2, "Zoe"), (3, None)]
    assert joined["_merge"].to_list() == ["both", "both", "both", "left_only"]
    assert left.columns == ["AccountId", "n"]


@pytest.mark.parametrize("given", [[{"Id": A}], {"Id": [A]}, pd.Series([A]), None], ids=type)
def test_other_things_are_no_frames(org, given):
    """What is no frame is told so, with its type."""
    with pytest.raises(ConfigurationError, match=type(given).__name__):
        sfdata.lookup(given, "Account", on="Id", fields="Name", org=org)
    with pytest.raises(ConfigurationError, match="of its own"):
        sfdata.lookup(pa.table({"Id": [A]}), "Account", "Id", "Name", dtype_backend="pyarrow", org=org)


# --- against an independent join --------------------------------------------------------------------------------------

NORTH = {"x-1": [A], "x-äö": [B], "007": [C], "7": [D]}
GROUPS = {"north": [A, B], "south": [C]}
SPELLINGS = st.sampled_from(["X-1", "x-1", "X-1  ", "x-Äö", "X-ÄÖ", "007", "07", "7", "", " ", "north", "South "])
TEXTS = st.lists(st.none() | SPELLINGS, max_size=12)


@given(keys=TEXTS, by_group=st.booleans(), many=st.sampled_from(["first", "all", "error"]), data=st.data())
@settings(max_examples=60)
def test_a_lookup_is_a_dictionary_join(org, keys, by_group, many, data):
    """Row by row, what stands beside a key is what a dictionary of the records says."""
    records = GROUPS if by_group else NORTH
    index = data.draw(st.lists(st.integers(0, 3), min_size=len(keys), max_size=len(keys)))
    left = pd.DataFrame({"Key": pd.Series(keys, dtype="str", index=index), "n": range(len(keys))}, index=index)
    expected = []
    for n, key in enumerate(keys):
        found = records.get(key.rstrip(" ").lower(), []) if key else []
        expected += [(index[n], n, one) for one in (found[:1] if many == "first" else found)] or [(index[n], n, None)]

    def join():
        key = "Group__c" if by_group else "Ext__c"
        return left.sf.lookup("Account", on="Key", fields="Id", key=key, many=many, org=org)

    if many == "error" and len(expected) > len(keys):
        with pytest.raises(SeveralRecords):
            join()
        return
    joined = join()
    ids = [None if pd.isna(one) else one for one in joined["Id"]]
    assert list(zip(joined.index, joined["n"], ids, strict=True)) == expected


# --- versions ---------------------------------------------------------------------------------------------------------


def test_a_record_that_was_changed_has_another_version(local_org, org):
    """Stamps read with a query compare, to the millisecond, with those read again; who is gone has none."""
    before = org.query("SELECT Id, SystemModstamp FROM Contact ORDER BY Id", index_col="Id")
    assert str(before["SystemModstamp"].dtype) == "datetime64[ms, UTC]"
    ids = pd.Series([before.index[1][:15], before.index[0], "003000000000009AAA", None], index=list("wxyz"))
    now = current_versions(org, "Contact", ids)
    assert now.index.tolist() == list("wxyz")
    assert now.dtypes.astype(str).to_dict() == {"Id": "str", "SystemModstamp": "datetime64[ms, UTC]"}
    assert now["Id"].fillna("-").tolist() == [before.index[1], before.index[0], "-", "-"]
    assert now["SystemModstamp"].tolist()[:2] == before["SystemModstamp"].tolist()[1::-1]
    assert now["SystemModstamp"].isna().tolist() == [False, False, True, True]
    later = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)
    records = local_org.instance.records
    clock, records._clock = records._clock, lambda: later
    try:
        records.update(records.schema.object("Contact"), before.index[0], {"Phone": "1"}, local_org.user_id)
    finally:
        records._clock = clock
    changed = current_versions(org, "Contact", ids)["SystemModstamp"] != now["SystemModstamp"]
    assert changed.tolist()[:2] == [False, True]


def test_a_version_belongs_to_an_id(org):
    """What is no Id has no version."""
    with pytest.raises(BindError, match=r"Contact\.Id"):
        current_versions(org, "Contact", pd.Series(["Acme"]))
