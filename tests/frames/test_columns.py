from __future__ import annotations

import pyarrow as pa
import pytest

from sfdata.frames.columns import UnknownName, result_columns
from sfdata.soql import parse

NAMES = [
    ("SELECT Id, Name FROM Account", ["Id", "Name"]),
    ("SELECT name, ID FROM account", ["name", "ID"]),
    ("SELECT a.Name, a.Owner.Name FROM Account a", ["Name", "Owner.Name"]),
    ("SELECT Account.Name FROM Account", ["Name"]),
    ("SELECT Contact.Name, Account.Name FROM Contact", ["Name", "Account.Name"]),
    ("SELECT c.Name, a.Name FROM Contact c, c.Account a", ["Name", "Account.Name"]),
    ("SELECT Id, Name, Id FROM Account", ["Id", "Name"]),
    ("SELECT Name, toLabel(Industry) label FROM Account", ["Name", "label"]),
    ("SELECT TYPEOF What WHEN Account THEN Owner.Manager.Name ELSE Name, Type END FROM Task",
     ["What.Owner.Manager.Name", "What.Name", "What.Type"]),
    ("SELECT TYPEOF Contact.Owner WHEN User THEN Name END FROM Case", ["Contact.Owner.Name", "Contact.Owner.Type"]),
    ("SELECT TYPEOF t.What WHEN Account THEN Name END FROM Task t", ["What.Name", "What.Type"]),
    ("SELECT Owner.Manager.Name FROM Account", ["Owner.Manager.Name"]),
    ("SELECT COUNT(Id), MAX(AnnualRevenue) top FROM Account", ["COUNT(Id)", "top"]),
    ("SELECT Industry, COUNT(Id) n FROM Account GROUP BY Industry", ["Industry", "n"]),
    ("SELECT Owner.Name, COUNT(Id) FROM Account GROUP BY Owner.Name", ["Owner.Name", "COUNT(Id)"]),
    ("SELECT CALENDAR_YEAR(CreatedDate), COUNT(Id) FROM Account GROUP BY CALENDAR_YEAR(CreatedDate)",
     ["CALENDAR_YEAR(CreatedDate)", "COUNT(Id)"]),
    ("SELECT toLabel(Industry), Name FROM Account", ["toLabel(Industry)", "Name"]),
    ("SELECT Site__c FROM Account", ["Site__c.latitude", "Site__c.longitude"]),
    ("SELECT Id, (SELECT Name FROM Contacts) FROM Account", ["Id"]),
    ("SELECT TYPEOF What WHEN Account THEN Industry WHEN Opportunity THEN Amount END FROM Task",
     ["What.Industry", "What.Amount", "What.Type"]),
    ("SELECT FIELDS(CUSTOM) FROM Account LIMIT 1",
     ["Active__c", "Founded__c", "Opens__c", "Site__c.latitude", "Site__c.longitude", "Tags__c", "Anything__c"]),
]  # fmt: skip


@pytest.mark.parametrize(("soql", "names"), NAMES, ids=[soql for soql, _ in NAMES])
def test_columns_are_named_as_the_query_names_them(describe, soql, names):
    """Columns stand in SELECT order under the query's own words, without prefixes that only name the object."""
    assert result_columns(parse(soql), describe).names == names


KINDS = [
    ("Id", pa.string()),
    ("Industry", pa.string()),
    ("Tags__c", pa.string()),
    ("NumberOfEmployees", pa.int64()),
    ("AnnualRevenue", pa.float64()),
    ("Active__c", pa.bool_()),
    ("Founded__c", pa.date32()),
    ("Opens__c", pa.time32("ms")),
    ("CreatedDate", pa.timestamp("ms", "UTC")),
    ("Owner.IsActive", pa.bool_()),
    ("COUNT(Id)", pa.int64()),
    ("COUNT_DISTINCT(Name)", pa.int64()),
    ("AVG(NumberOfEmployees)", pa.float64()),
    ("SUM(NumberOfEmployees)", pa.int64()),
    ("SUM(AnnualRevenue)", pa.float64()),
    ("MAX(CreatedDate)", pa.timestamp("ms", "UTC")),
    ("MIN(Name)", pa.string()),
    ("FORMAT(AnnualRevenue)", pa.string()),
    ("DAY_ONLY(CreatedDate)", pa.date32()),
    ("HOUR_IN_DAY(convertTimezone(CreatedDate))", pa.int64()),
    ("MAX(convertCurrency(AnnualRevenue))", pa.float64()),
    ("convertCurrency(AnnualRevenue)", pa.float64()),
    ("FORMAT(convertCurrency(AnnualRevenue))", pa.string()),
    ("NOVELTY(Name)", pa.string()),
]


@pytest.mark.parametrize(("expression", "arrow"), KINDS, ids=[expression for expression, _ in KINDS])
def test_types_come_from_describe(describe, expression, arrow):
    """A column's type follows from the field's describe and the function around it, before any row is seen."""
    (column,) = result_columns(parse(f"SELECT {expression} FROM Account"), describe).columns
    assert column.kind.arrow == arrow


def test_fields_of_either_kind_together_are_all(describe):
    """STANDARD and CUSTOM share out what ALL holds, in the org's own order."""
    names = {
        which: set(result_columns(parse(f"SELECT FIELDS({which}) FROM Account LIMIT 1"), describe).names)
        for which in ("ALL", "STANDARD", "CUSTOM")
    }
    assert names["STANDARD"] | names["CUSTOM"] == names["ALL"]
    assert names["STANDARD"] & names["CUSTOM"] == set()


def test_json_paths_have_the_orgs_spelling(describe):
    """However a name is written, its value is looked for under the name the org answers with."""
    columns = result_columns(parse("SELECT owner.manager.name, createddate FROM account"), describe)
    assert [column.path for column in columns.columns] == [("Owner", "Manager", "Name"), ("CreatedDate",)]


def test_unaliased_functions_are_numbered_as_the_api_numbers_them(describe):
    """Only aggregates without an alias are counted in expr0, expr1, …; grouped fields keep their last name."""
    selected = "Owner.Name, MAX(AnnualRevenue), MIN(AnnualRevenue) low, SUM(AnnualRevenue)"
    soql = f"SELECT {selected} FROM Account GROUP BY Owner.Name"
    paths = [column.path for column in result_columns(parse(soql), describe).columns]
    assert paths == [("Name",), ("expr0",), ("low",), ("expr1",)]


def test_functions_that_only_format_keep_the_fields_name(describe):
    """toLabel, FORMAT and convertCurrency are not counted in expr0, expr1, … unless there is an aggregate in them."""
    selected = "toLabel(Parent.Industry), COUNT(Id), FORMAT(SUM(AnnualRevenue)), FORMAT(NumberOfEmployees) size"
    soql = f"SELECT {selected} FROM Account GROUP BY Parent.Industry, NumberOfEmployees"
    paths = [column.path for column in result_columns(parse(soql), describe).columns]
    assert paths == [("Industry",), ("expr0",), ("expr1",), ("size",)]
    soql = "SELECT toLabel(Parent.Industry), FORMAT(convertCurrency(AnnualRevenue)), toLabel(Name) label FROM Account"
    paths = [column.path for column in result_columns(parse(soql), describe).columns]
    assert paths == [("Parent", "Industry"), ("AnnualRevenue",), ("label",)]


def test_a_subquery_may_name_its_own_object(describe):
    """Within a subquery, the child object's name and the relationship's both mean the row itself."""
    subquery = "SELECT Contact.FirstName, Contacts.Name, Contact.Owner.Name FROM Account.Contacts"
    (children,) = result_columns(parse(f"SELECT Id, ({subquery}) FROM Account"), describe).children
    assert children.columns.names == ["FirstName", "Name", "Owner.Name"]


def test_branches_of_typeof_that_differ_in_type_become_text(describe):
    """A name that is a number in one branch and a picklist in the other is one column, of text."""
    soql = "SELECT TYPEOF What WHEN Account THEN AnnualRevenue, Industry WHEN Task THEN AnnualRevenue END FROM Task"
    types = {column.name: column.kind.arrow for column in result_columns(parse(soql), describe).columns}
    assert types == {"What.AnnualRevenue": pa.string(), "What.Industry": pa.string(), "What.Type": pa.string()}


def test_polymorphic_parents_answer_for_the_name_fields(describe):
    """Behind an owner that may be a user or a queue stand the fields every such parent has."""
    columns = result_columns(parse("SELECT Owner.Name, Owner.Type, Owner.IsActive FROM Case"), describe).columns
    assert [(c.path, c.kind.arrow) for c in columns] == [
        (("Owner", "Name"), pa.string()),
        (("Owner", "Type"), pa.string()),
        (("Owner", "IsActive"), pa.bool_()),
    ]


def test_beyond_the_name_fields_some_parent_must_know_the_way(describe):
    """Another field of a polymorphic parent is looked for on every object it may be; if in vain, the first says so."""
    (column,) = result_columns(parse("SELECT Owner.Manager.IsActive FROM Case"), describe).columns
    assert (column.path, column.kind.arrow) == (("Owner", "Manager", "IsActive"), pa.bool_())
    with pytest.raises(UnknownName) as caught:
        result_columns(parse("SELECT Owner.Shoes__c FROM Case"), describe)
    assert (caught.value.object_name, caught.value.candidates) == ("Group", ("Id", "Name"))


@pytest.mark.parametrize(
    ("soql", "owner", "name", "candidate"),
    [
        ("SELECT Nmae FROM Account", "Account", "Nmae", "Name"),
        ("SELECT Ownr.Name FROM Account", "Account", "Ownr", "Owner"),
        ("SELECT Owner.Nam FROM Account", "User", "Nam", "Name"),
        ("SELECT Id, (SELECT Id FROM Contact) FROM Account", "Account", "Contact", "Contacts"),
        ("SELECT SUM(Revenue) FROM Account", "Account", "Revenue", "AnnualRevenue"),
    ],
)
def test_an_unknown_name_says_what_exists_there(describe, soql, owner, name, candidate):
    """A name describe does not know is reported with its object and that object's names."""
    with pytest.raises(UnknownName) as caught:
        result_columns(parse(soql), describe)
    assert (caught.value.object_name, caught.value.name) == (owner, name)
    assert candidate in caught.value.candidates
    assert str(caught.value) == f"{owner} has no {name}"
