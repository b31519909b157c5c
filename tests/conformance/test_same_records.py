"""simple-salesforce, unmodified and over TLS, sees the same records as sfdata."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
import requests
from simple_salesforce import Salesforce

import sfdata
from sfdata.localorg import LocalOrg

QUERIES = [
    line
    for line in Path(__file__).with_name("queries.soql").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(scope="module")
def local_org():
    with LocalOrg(tls=True, scale=0.15) as org:
        yield org


@pytest.fixture(scope="module")
def ours(local_org):
    with sfdata.connect(
        instance_url=local_org.instance_url, access_token=local_org.access_token, ca_file=local_org.ca_file
    ) as org:
        yield org


@pytest.fixture(scope="module")
def theirs(local_org):
    with requests.Session() as session:
        session.trust_env = False  # a CA bundle or proxy of the machine would take precedence over ours
        session.verify = local_org.ca_file
        yield Salesforce(instance_url=local_org.instance_url, session_id=local_org.access_token, session=session)


def wire_form(value):
    """A frame's value as Salesforce's JSON writes it."""
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}+0000"
    if isinstance(value, dt.time):
        return f"{value:%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def looked_up(record, column):
    """The value of a dotted column in a nested record."""
    value = record
    for part in column.removeprefix("toLabel(").removesuffix(")").split("."):
        if value is None:
            return None
        value = value["attributes"]["type"] if part == "Type" and "Type" not in value else value.get(part)
    return value


def rows_of(frame):
    return [[wire_form(value) for value in row] for row in frame.astype(object).itertuples(index=False, name=None)]


@pytest.mark.parametrize("soql", QUERIES)
def test_both_clients_see_the_same_records(ours, theirs, soql):
    """Value for value and row for row, the flat frame holds what the nested records hold."""
    answer = theirs.query_all(soql)
    frame = ours.query(soql)
    records = answer["records"]
    if soql.startswith("SELECT COUNT() "):  # whose total query_all overwrites with the number of records, none
        assert frame.iloc[0, 0] == theirs.query(soql)["totalSize"] > 0
        return
    assert len(frame) == answer["totalSize"] == len(records)
    if records and records[0]["attributes"]["type"] == "AggregateResult":
        assert rows_of(frame) == [list(record.values())[1:] for record in records]
        return
    assert rows_of(frame) == [[looked_up(record, column) for column in frame.columns] for record in records]
    for key in [key for key, value in (records[0] if records else {}).items() if is_subquery(records, key)]:
        assert_same_children(frame, records, key)


def is_subquery(records, key):
    return any(isinstance(record[key], dict) and "totalSize" in record[key] for record in records)


def assert_same_children(frame, records, key):
    children = sfdata.children(frame, key)
    expected = [
        (record["attributes"]["url"].rsplit("/", 1)[-1], child)
        for record in records
        if record[key] is not None
        for child in record[key]["records"]
    ]
    link, *columns = children.columns
    assert children[link].tolist() == [parent for parent, _ in expected]
    assert rows_of(children[columns]) == [[looked_up(child, column) for column in columns] for _, child in expected]


def test_there_are_enough_queries():
    """The list covers the language: at least a hundred different queries."""
    assert len(set(QUERIES)) >= 100
