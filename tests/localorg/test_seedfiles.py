"""Seed files: what is loaded from which file, and how a mistake is told."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sfdata.errors import ConfigurationError
from sfdata.localorg import LocalOrg

SCHEMA = """
[Invoice__c]
label = "Invoice"
[Invoice__c.fields]
Number__c  = { type = "text", length = 20, external_id = true, unique = true }
Account__c = { type = "master-detail", to = "Account", children = "Invoices" }
Paid__c    = { type = "checkbox" }
Due__c     = { type = "date" }
Sent__c    = { type = "datetime" }
Time__c    = { type = "time" }
Total__c   = { type = "currency", precision = 16, scale = 2 }
Pages__c   = { type = "number", precision = 4, scale = 0 }
Status__c  = { type = "picklist", values = ["Open", "Paid"], default = "Open", restricted = true }
Before__c  = { type = "lookup", to = "Invoice__c", children = "Later" }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "seed"
    made.mkdir()
    return made


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    file = tmp_path / "schema.toml"
    file.write_text(SCHEMA)
    return file


def put(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def query(org: LocalOrg, soql: str) -> list[dict[str, Any]]:
    page = json.loads(org.instance.engine.query(soql, base="/services/data/v66.0", user_id=org.user_id))
    return [{key: value for key, value in row.items() if key != "attributes"} for row in page["records"]]


def names(row: dict[str, Any] | None) -> Any:
    return row and {key: value for key, value in row.items() if key != "attributes"}


def mistake(folder: Path, **options: Any) -> str:
    """What the person is told."""
    with pytest.raises(ConfigurationError) as refused:
        LocalOrg(seed_from=folder, **options).start()
    return refused.value.message


# --- what is loaded --------------------------------------------------------------------------------------------------


def test_files_are_loaded_instead_of_the_sample_company(folder: Path) -> None:
    """Only what the files have, and what every org has; names of files and columns in any case."""
    put(folder, "account.CSV", "name,INDUSTRY", "Acme,Energy", '"Müller, ""Söhne""",')
    put(folder, "notes.txt", "not a table")
    with LocalOrg(seed_from=folder) as org:
        assert query(org, "SELECT Name, Industry FROM Account ORDER BY Name") == [
            {"Name": "Acme", "Industry": "Energy"},
            {"Name": 'Müller, "Söhne"', "Industry": None},
        ]
        assert org.instance.storage.rows()["Contact"] == 0
        assert org.instance.storage.rows()["User"] == 1


def test_values_are_typed_by_the_field(folder: Path, schema: Path) -> None:
    """Text of digits stays text; what tables make of numbers, dates and booleans is read as meant."""
    put(folder, "Account.csv", "Ext__c,Name,BillingPostalCode,NumberOfEmployees,AnnualRevenue", "A1,007,02110,3.0,1e3")
    put(
        folder,
        "Invoice__c.csv",
        "Number__c,Account__r.Ext__c,Paid__c,Due__c,Sent__c,Time__c,Total__c,Pages__c,Status__c",
        "I1,A1,True,2024-02-29,2024-02-29 12:30:00,08:15:00,12.345,12,Paid",
        "I2,A1,0,2024-02-29,2024-02-29T12:30:00+02:00,08:15:00Z,-0.5,,",
        "I3,A1,,#N/A,,,,#N/A,Open",
    )
    with LocalOrg(seed_from=folder, schema=schema) as org:
        fields = "BillingPostalCode, NumberOfEmployees, AnnualRevenue"
        assert query(org, f"SELECT Name, {fields} FROM Account") == [
            {"Name": "007", "BillingPostalCode": "02110", "NumberOfEmployees": 3, "AnnualRevenue": 1000.0}
        ]
        one, two, three = query(
            org,
            "SELECT Paid__c, Due__c, Sent__c, Time__c, Total__c, Pages__c, Status__c FROM Invoice__c "
            "ORDER BY Number__c",
        )
        assert one == {
            "Paid__c": True, "Due__c": "2024-02-29", "Sent__c": "2024-02-29T12:30:00.000+0000",
            "Time__c": "08:15:00.000Z", "Total__c": 12.34, "Pages__c": 12.0, "Status__c": "Paid",
        }  # fmt: skip
        assert two["Sent__c"] == "2024-02-29T10:30:00.000+0000"
        assert (two["Paid__c"], two["Total__c"], two["Pages__c"], two["Status__c"]) == (False, -0.5, None, "Open")
        assert (three["Paid__c"], three["Due__c"], three["Total__c"]) == (False, None, None)


def test_parquet_keeps_its_types(folder: Path, schema: Path) -> None:
    """Booleans, dates, times, decimals, whole numbers with gaps, nanoseconds, and pandas' own index column."""
    put(folder, "Account.csv", "Ext__c,Name", "A1,Acme")
    moment = dt.datetime(2024, 2, 29, 12, 30, tzinfo=dt.UTC)
    columns = {
        "Number__c": pa.array([1, 2]),
        "Account__r.Ext__c": pa.array(["A1", "A1"]),
        "Paid__c": pa.array([True, False]),
        "Due__c": pa.array([dt.date(2024, 2, 29), None]),
        "Sent__c": pa.array([moment, None], pa.timestamp("ns", "UTC")),
        "Time__c": pa.array([dt.time(8, 15), None]),
        "Total__c": pa.array([Decimal("12.34"), None]),
        "Pages__c": pa.array([12.0, float("nan")]),
        "Status__c": pa.array(["Paid", None]).dictionary_encode(),
        "__index_level_0__": pa.array([0, 1]),
    }
    pq.write_table(pa.table(columns), folder / "Invoice__c.parquet")
    with LocalOrg(seed_from=folder, schema=schema) as org:
        soql = "SELECT Number__c, Paid__c, Due__c, Sent__c, Time__c, Total__c, Pages__c, Status__c FROM Invoice__c"
        assert query(org, f"{soql} ORDER BY Number__c") == [
            {
                "Number__c": "1", "Paid__c": True, "Due__c": "2024-02-29", "Sent__c": "2024-02-29T12:30:00.000+0000",
                "Time__c": "08:15:00.000Z", "Total__c": 12.34, "Pages__c": 12.0, "Status__c": "Paid",
            },
            {
                "Number__c": "2", "Paid__c": False, "Due__c": None, "Sent__c": None,
                "Time__c": None, "Total__c": None, "Pages__c": None, "Status__c": "Open",
            },
        ]  # fmt: skip


def test_rows_point_at_rows_of_any_file(folder: Path, schema: Path) -> None:
    """Children before parents by name, in a circle, at later rows of the same file, by Id or by key."""
    account, other = "001Lo0000000009IAA", "001Lo000000000AIAQ"
    put(folder, "Account.csv", "Id,Name,ParentId,Ext__c", f"{account},Child,{other},A1", f"{other[:15]},Parent,,A2")
    put(folder, "Contact.csv", "LastName,AccountId,ReportsTo.Ext__c,Ext__c", f"Low,{account},C2,C1", "High,,,C2")
    put(
        folder,
        "Invoice__c.csv",
        "Number__c,Account__r.Ext__c,Before__r.Number__c",
        "I1,A2,I2",
        "I2,A1,",
    )
    with LocalOrg(seed_from=folder, schema=schema) as org:
        accounts = query(org, "SELECT Id, Name, Parent.Name FROM Account ORDER BY Name")
        assert [(row["Id"], row["Name"], names(row["Parent"])) for row in accounts] == [
            (account, "Child", {"Name": "Parent"}),
            (other, "Parent", None),
        ]
        contacts = query(org, "SELECT LastName, Account.Name, ReportsTo.LastName FROM Contact ORDER BY Ext__c")
        assert [(names(row["Account"]), names(row["ReportsTo"])) for row in contacts] == [
            ({"Name": "Child"}, {"LastName": "High"}),
            (None, None),
        ]
        invoices = query(
            org, "SELECT Number__c, Account__r.Name, Before__r.Number__c FROM Invoice__c ORDER BY Number__c"
        )
        assert [(names(row["Account__r"]), names(row["Before__r"])) for row in invoices] == [
            ({"Name": "Parent"}, {"Number__c": "I2"}),
            ({"Name": "Child"}, None),
        ]


def test_owners_are_named_by_user_name(folder: Path) -> None:
    """A relationship with several possible parents finds the one with the key; its type may be said."""
    put(folder, "Account.csv", "Name,Owner.Username", "One,admin@northwind-tools.example")
    put(folder, "Lead.csv", "LastName,Company,User:Owner.Username", "Two,Co,admin@northwind-tools.example")
    with LocalOrg(seed_from=folder) as org:
        assert query(org, "SELECT OwnerId FROM Account") == [{"OwnerId": org.user_id}]
        assert query(org, "SELECT OwnerId FROM Lead") == [{"OwnerId": org.user_id}]


def test_an_export_can_be_loaded_again(folder: Path) -> None:
    """Ids and audit fields are kept, and new Ids go on after them."""
    record = "001Lo000000000zIAA"
    header = "Id,Name,CreatedDate,LastModifiedDate,SystemModstamp,CreatedById"
    stamps = "2019-01-02T03:04:05.000Z,2020-01-02T03:04:05.000Z,2021-01-02T03:04:05.000Z"
    put(folder, "Account.csv", header, f"{record},Acme,{stamps},005Lo0000000001IAA")
    put(folder, "Contact.csv", "Id,LastName", "003Hs00004AbcdEIAT,Elsewhere")
    with LocalOrg(seed_from=folder) as org:
        assert query(org, "SELECT Id, CreatedDate, LastModifiedDate, SystemModstamp, CreatedById FROM Account") == [
            {
                "Id": record,
                "CreatedDate": "2019-01-02T03:04:05.000+0000",
                "LastModifiedDate": "2020-01-02T03:04:05.000+0000",
                "SystemModstamp": "2021-01-02T03:04:05.000+0000",
                "CreatedById": org.user_id,
            }
        ]
        instance = org.instance
        assert instance.records.create(instance.object("Account"), {"Name": "Next"}, org.user_id) > record
        assert instance.records.create(instance.object("Contact"), {"LastName": "N"}, org.user_id)[3:6] == "Lo0"


def test_what_follows_from_values_is_filled_in(folder: Path) -> None:
    """Rows are as if created by requests: names, probabilities and defaults are there."""
    put(folder, "Contact.csv", "FirstName,LastName", "Ada,Lovelace")
    put(folder, "Opportunity.csv", "Name,StageName,CloseDate,Amount", "Deal,Closed Won,2024-01-31,10")
    with LocalOrg(seed_from=folder) as org:
        assert query(org, "SELECT Name FROM Contact") == [{"Name": "Ada Lovelace"}]
        assert query(org, "SELECT IsWon, IsClosed, Probability FROM Opportunity") == [
            {"IsWon": True, "IsClosed": True, "Probability": 100.0}
        ]


def test_a_directory_is_seeded_once(folder: Path, tmp_path: Path) -> None:
    """Started again with the same files, an org keeps what it has."""
    put(folder, "Account.csv", "Name", "Acme")
    for _ in range(2):
        with LocalOrg(seed_from=folder, data=tmp_path / "data") as org:
            assert org.instance.storage.rows()["Account"] == 1


def test_a_mistake_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    """The rows before it are not kept; after it is mended, all are loaded."""
    put(folder, "Account.csv", "Name", "Acme", '""')
    mistake(folder, data=tmp_path / "data")
    put(folder, "Account.csv", "Name", "Acme", "Beta")
    with LocalOrg(seed_from=folder, data=tmp_path / "data") as org:
        assert org.instance.storage.rows()["Account"] == 2


# --- how a mistake is told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "lines", "told"),
    [
        ("Acount.csv", ["Name"], "Acount.csv: the org has no object 'Acount'; did you mean 'Account'?"),
        ("Profile.csv", ["Name"], "Profile.csv: rows of Profile cannot be created"),
        ("Account.csv", [""], "Account.csv: the file has no columns"),
        ("Account.csv", ["Name,,Phone"], "Account.csv: column 2 has no name"),
        ("Account.csv", ["Name,name"], "Account.csv, column name: there are two columns of this name"),
        ("Account.csv", ["Nmae"], "Account.csv, column Nmae: Account has no such field; did you mean 'Name'?"),
        (
            "Contact.csv",
            ["Name"],
            "Contact.csv, column Name: the org fills this field itself; leave the column out",
        ),
        ("Account.csv", ["Boss.Ext__c"], "Account.csv, column Boss.Ext__c: Account has no relationship 'Boss' to set"),
        (
            "Contact.csv",
            ["LastName,Account.Phone"],
            "Contact.csv, column Account.Phone: Phone is no external id or other key of Account",
        ),
        (
            "Contact.csv",
            ["LastName,AccountId,Account.Ext__c"],
            "Contact.csv, column Account.Ext__c: another column fills AccountId already",
        ),
        ("Account.csv", ["Name,Phone", "Acme"], "Account.csv, row 1 (line 2): 1 values under 2 columns"),
        ("Account.csv", ["Name", '"Acme'], "Account.csv, line 2: unexpected end of data"),
        (
            "Contact.csv",
            ["LastName,Birthdate", "A,2024-01-31", "", '"B\nB",2024-02-30'],
            "Contact.csv, row 2 (line 4), column Birthdate: Cannot deserialize instance of date from VALUE_STRING "
            "value 2024-02-30 or request may be missing a required field",
        ),
        (
            "Contact.csv",
            ["LastName,Email", "A,a@example.com", "B,nonsense"],
            "Contact.csv, row 2 (line 3), column Email: Email: invalid email address: nonsense",
        ),
        (
            "Contact.csv",
            ["LastName,Email", ",a@example.com"],
            "Contact.csv, row 1 (line 2), column LastName: Required fields are missing: [LastName]",
        ),
        (
            "Contact.csv",
            ["LastName,Account.Ext__c", "A,nobody"],
            "Contact.csv, row 1 (line 2), column Account.Ext__c: Foreign key external ID: nobody not found for field "
            "Ext__c in entity Account",
        ),
        (
            "Contact.csv",
            ["LastName,AccountId", "A,001Lo000000000zIAA"],
            "Contact.csv, row 1 (line 2), column AccountId: invalid cross reference id",
        ),
        (
            "Contact.csv",
            ["LastName,ReportsTo.Ext__c,Ext__c", "A,C2,C1"],
            "Contact.csv, row 1 (line 2), column ReportsTo.Ext__c: Foreign key external ID: C2 not found for field "
            "Ext__c in entity Contact",
        ),
        (
            "Account.csv",
            ["Name,Id", "A,003Lo0000000001IAA"],
            "Account.csv, row 1 (line 2), column Id: '003Lo0000000001IAA' is no Id of Account: those begin with 001",
        ),
        (
            "Account.csv",
            ["Name,Id", "A,001Lo000000000zIAA", "B,001Lo000000000z"],
            "Account.csv, row 2 (line 3), column Id: there is a row 001Lo000000000z already",
        ),
        (
            "Account.csv",
            ["Name,CreatedById", "A,005Lo000000000zIAA"],
            "Account.csv, row 1 (line 2), column CreatedById: invalid cross reference id",
        ),
    ],
)
def test_mistakes_are_named_by_file_row_and_column(folder: Path, name: str, lines: list[str], told: str) -> None:
    """Whoever wrote the file finds the place at once."""
    put(folder, name, *lines)
    assert mistake(folder) == told


def test_a_unique_value_given_twice_is_named(folder: Path, schema: Path) -> None:
    """With its column, and in the second row."""
    put(folder, "Account.csv", "Name,Ext__c", "A,A1")
    put(folder, "Invoice__c.csv", "Account__r.Ext__c,Number__c", "A1,I1", "A1,I1")
    told = mistake(folder, schema=schema)
    assert told.startswith("Invoice__c.csv, row 2 (line 3), column Number__c: duplicate value found: Number__c")


def test_parquet_mistakes_are_named_by_row(folder: Path) -> None:
    """Rows are counted from one; a file that is no Parquet is said to be none."""
    pq.write_table(pa.table({"LastName": ["A", "B"], "Email": [None, "nonsense"]}), folder / "Contact.parquet")
    assert mistake(folder) == "Contact.parquet, row 2, column Email: Email: invalid email address: nonsense"
    (folder / "Contact.parquet").write_text("no Parquet")
    assert mistake(folder).startswith("Contact.parquet: the file is not Parquet")


def test_folders_without_files_are_refused(folder: Path, tmp_path: Path) -> None:
    """A missing folder, an empty one, two files of one object, text in another encoding."""
    assert mistake(tmp_path / "nowhere").startswith("There is no directory")
    assert "has no file that ends in .csv or .parquet" in mistake(folder)
    (folder / "Account.csv").write_bytes("Name\nMüller\n".encode("latin-1"))
    assert mistake(folder) == "Account.csv: the file is not in UTF-8"
    put(folder, "Account.csv", "Name", "A")
    pq.write_table(pa.table({"Name": ["A"]}), folder / "Account.parquet")
    assert mistake(folder) == "Account.parquet: Account.csv has the rows of Account already"


def test_a_snapshot_and_seeds_exclude_each_other(folder: Path, tmp_path: Path) -> None:
    """One start has one source of records."""
    with pytest.raises(ConfigurationError, match="seed_from must be left out where there is a snapshot"):
        LocalOrg(seed_from=folder, snapshot=tmp_path / "s")


def test_large_tables_are_read_in_pieces(folder: Path) -> None:
    """More rows than one batch of a file, and all arrive."""
    pq.write_table(pa.table({"Name": [f"A{n}" for n in range(2500)]}), folder / "Account.parquet")
    with LocalOrg(seed_from=folder) as org:
        assert query(org, "SELECT COUNT(Id) n FROM Account") == [{"n": 2500}]
