"""The public interface as a typed program uses it. Checked by mypy, never run.

Each ``assert_type`` is a promise to those who check their own code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type

import pandas as pd
import pyarrow as pa

import sfdata
from sfdata import AccessToken, ClientCredentials, JwtBearer, Org, RefreshToken, SalesforceError, Soql
from sfdata.accessor import FrameAccessor
from sfdata.api.composite import Subrequest, SubResult
from sfdata.api.composite_batch import BatchRequest, BatchResult
from sfdata.api.composite_graph import Graph
from sfdata.errors import IncompleteResult, ResponseError, SoqlSyntaxError
from sfdata.localorg import LocalOrg
from sfdata.metadata import FieldDescribe, ObjectDescribe
from sfdata.resilience.hooks import Event, RowsRead
from sfdata.soql import Query, parse
from sfdata.transfer.bookmark import Bookmark
from sfdata.transfer.changes import Changes
from sfdata.transfer.parquet import ParquetWritten
from sfdata.transfer.plan import Plan
from sfdata.transfer.price import Cost
from sfdata.transfer.push_result import PushResult
from sfdata.transfer.resume import ResumedRead
from sfdata.transfer.undo import Undone
from sfdata.transfer.versions import current_versions

PROD = "https://acme.my.salesforce.com"


def connections() -> None:
    assert_type(sfdata.connect(), Org)
    sfdata.connect("prod", api_version="67.0", timeout_seconds=5, ca_file="ca.pem", remember=True)
    assert_type(sfdata.forget("prod"), list[str])
    sfdata.connect(instance_url=PROD, access_token="00D…")
    sfdata.connect(flow=JwtBearer(client_id="k", username="u", private_key="key.pem", passphrase="p"))
    sfdata.connect(flow=ClientCredentials(client_id="k", client_secret="s", login_url=PROD))
    sfdata.connect(flow=RefreshToken(client_id="k", refresh_token="r"))
    sfdata.connect(flow=AccessToken(access_token="a", instance_url=PROD))
    sfdata.connect(67)  # type: ignore[arg-type]
    sfdata.connect(flow="jwt")  # type: ignore[arg-type]
    org = sfdata.connect("local", budget=500)
    assert_type((org.budget.used, org.budget.remaining), tuple[int, int | None])
    org.budget.allowed = 1_000
    org.budget.allowed = None
    sfdata.connect("local", reserve=0.05, throttle=True)
    sfdata.connect("local", reserve=500)
    sfdata.connect("local", reserve="5%")  # type: ignore[arg-type]
    assert_type(org.limits.check_available(2_000), int)
    assert_type(org.limits.left, int | None)
    org.budget.allowed = "1000"  # type: ignore[assignment]


def frames(org: Org) -> None:
    assert_type(org.query("SELECT Id FROM Account"), pd.DataFrame)
    values = {"names": ["A", None], "since": dt.date(2026, 1, 1), "amount": Decimal("9.99")}
    org.query("SELECT Id FROM Account WHERE Name IN :names", values, dtype_backend="pyarrow", index_col=["Id"])
    org.query("SELECT Id FROM Account", dtype_backend="polars")  # type: ignore[arg-type]
    assert_type(sfdata.read_soql("SELECT Id FROM Account", org), pd.DataFrame)
    assert_type(sfdata.read_soql("SELECT Id FROM Account", "prod", values), pd.DataFrame)
    assert_type(sfdata.read_soql("SELECT Id FROM Account", org, chunksize=500), Iterator[pd.DataFrame])
    assert_type(sfdata.children(org.query("SELECT (SELECT Id FROM Contacts) FROM Account"), "Contacts"), pd.DataFrame)
    sfdata.read_soql(org, "SELECT Id FROM Account")  # type: ignore[call-overload]


def handles(org: Org) -> None:
    query = org.soql("SELECT Id FROM Account WHERE Name LIKE :start", {"start": sfdata.escape_like("100%") + "%"})
    assert_type(query, Soql)
    assert_type(query.text, str)
    assert_type(query.query, Query)
    assert_type(query.count(), int)
    assert_type(query.explain(), dict[str, Any])
    cost = query.cost(max_rows=10_000)
    assert_type(cost, Cost)
    assert_type((cost.rows, cost.calls, cost.share), tuple[int | None, int | None, float | None])
    assert_type(cost.to_frame(), pd.DataFrame)
    assert_type(query.to_pandas(max_rows=10, max_memory="500 MB"), pd.DataFrame)
    assert_type(query.chunks(500, index_col="Id"), Iterator[pd.DataFrame])
    _table: pa.Table = query.to_arrow()
    _tables: dict[str, pa.Table] = query.to_tables(max_memory=10**9)
    written = query.to_parquet(Path("rows.parquet"), partition_by=["Name"], compression=None, overwrite=True)
    assert_type((written.path, written.rows, written.files), tuple[Path, int, tuple[Path, ...]])
    assert_type(written.children["Contacts"], ParquetWritten)
    assert_type(sfdata.read_soql("SELECT Id FROM Account", org, max_memory="1 GiB"), pd.DataFrame)
    changes = query.since(None)
    assert_type(changes, Changes)
    assert_type(changes.to_pandas(), pd.DataFrame)
    assert_type(changes.apply(None), pd.DataFrame)
    assert_type(changes.deleted, pd.DataFrame)
    assert_type(changes.bookmark, Bookmark)
    query.since(str(changes.bookmark), overlap=dt.timedelta(hours=1))
    query.since(5)  # type: ignore[arg-type]


def lookups(org: Org, frame: pd.DataFrame, table: pa.Table) -> None:
    joined = sfdata.lookup(frame, "User", on="OwnerId", fields=["Name", "Profile.Name"], prefix="Owner.", org=org)
    assert_type(joined, pd.DataFrame)
    sfdata.lookup(frame, "Contact", "Id", "LastName", key="AccountId", many="all", indicator=True, org="prod")
    sfdata.lookup(frame, "Account", "Ext__c", "Id", all_rows=True, engine="bulk", dtype_backend="pyarrow")
    sfdata.lookup(frame, "Account", "Ext__c", "Id", many="some")  # type: ignore[arg-type]
    _table: pa.Table = sfdata.lookup(table, "Account", on="Ext__c", fields="Id", org=org)
    versions = current_versions(org, "Account", frame["Id"])
    assert_type(versions, pd.DataFrame)


def pushes(org: Org, frame: pd.DataFrame, table: pa.Table) -> None:
    result = org.push(frame, "Account", "upsert", key="Ext__c", nulls={"Phone": "clear"}, check="warn", part_rows=5_000)
    assert_type(result, PushResult)
    assert_type(result.frame, pd.DataFrame)
    assert_type(result.ids, "pd.Series[str]")
    assert_type(result.counts, dict[str, int])
    assert_type(result.retry_failed(codes=["UNABLE_TO_LOCK_ROW"]), PushResult)
    assert_type(result.raise_for_errors(), None)
    org.push(table, "Account", "hardDelete", engine="bulk")
    org.push(frame, "Account", "delete", engine="collections", all_or_none=True)
    org.push(frame, "Account", "insert", engine="rest")  # type: ignore[arg-type]
    checked = org.check(frame, "Account", "upsert", key="Ext__c", nulls={"Phone": "clear"})
    assert_type(checked, pd.DataFrame)
    org.push(frame, "Account", "replace")  # type: ignore[arg-type]
    assert_type(sfdata.resume(result.id), PushResult | ResumedRead)
    assert_type(sfdata.pushes(), pd.DataFrame)


def verbs(frame: pd.DataFrame) -> None:
    verbs = FrameAccessor(frame)  # df.sf, of which type checkers do not know
    assert_type(verbs.insert("Account", nulls="leave", all_or_none=True), PushResult)
    assert_type(verbs.update("Account", engine="collections", check=False), PushResult)
    assert_type(verbs.upsert("Account", "Ext__c", org="prod", part_rows=50), PushResult)
    assert_type(verbs.delete("Account"), PushResult)
    assert_type(verbs.bulk_hard_delete("Account"), PushResult)
    assert_type(verbs.check("Account", "update"), pd.DataFrame)
    verbs.upsert("Account")  # type: ignore[call-arg]
    verbs.bulk_insert("Account", engine="collections")  # type: ignore[call-arg]


def records(org: Org) -> None:
    accounts = org.sobject("Account")
    assert_type(accounts.create({"Name": "Acme", "AnnualRevenue": Decimal("9.99")}), str)
    assert_type(accounts.get("001000000000001", ["Name"]), dict[str, Any])
    assert_type(accounts.upsert("Ext__c", {"Ext__c": "A-1"}).created, bool | None)
    assert_type(accounts.create_tree([{"Name": "Acme", "Contacts": [{"LastName": "Ito"}]}]), list[dict[str, Any]])
    made = Subrequest("POST", "sobjects/Account", "acc", {"Name": "Acme"})
    assert_type(org.composite([made], all_or_none=True), list[SubResult])
    assert_type(org.composite_graph([Graph("1", [made])])[0].results, tuple[SubResult, ...])
    assert_type(org.composite_batch([BatchRequest("GET", "limits")], halt_on_error=True), list[BatchResult])
    Subrequest("HEAD", "limits", "a")  # type: ignore[arg-type]


def plans(org: Org, frame: pd.DataFrame, table: pa.Table) -> None:
    plan = org.diff(frame, "Account", "Ext__c", since=dt.datetime.now(dt.UTC), on_conflict="theirs", nulls="clear")
    assert_type(plan, Plan)
    assert_type(plan.counts, dict[str, int])
    assert_type((plan.change, plan.conflict), tuple[pd.DataFrame, pd.DataFrame])
    assert_type(plan.resolve("ours", ids=["001"]).apply(part_rows=200), PushResult)
    org.diff(table, "Account", "Id", on_conflict="merge", base=frame)
    org.diff(table, "Account", "Id", on_conflict="never")  # type: ignore[arg-type]
    result = org.push(frame, "Account", "update", keep_before=True, unchanged="skip")
    assert_type(result.before, pd.DataFrame)
    undone = result.undo(on_conflict="ours")
    assert_type(undone, Undone)
    assert_type(
        (undone.frame, undone.counts, undone.pushes), tuple[pd.DataFrame, dict[str, int], tuple[PushResult, ...]]
    )


def metadata(org: Org) -> None:
    assert_type(org.describe(), pd.DataFrame)
    account = org.describe("Account")
    assert_type(account, ObjectDescribe)
    assert_type(account.fields, tuple[FieldDescribe, ...])
    assert_type(account.field("Name"), FieldDescribe | None)
    assert_type(account.frame, pd.DataFrame)
    _mapping: Mapping[str, Any] = account
    assert_type(org.limits(), pd.DataFrame)


def names() -> None:
    assert_type(sfdata.errors.SalesforceError("no").hint, str | None)
    assert_type(sfdata.soql.parse("SELECT Id FROM Account"), Query)
    sfdata.read_sqol  # type: ignore[attr-defined]  # noqa: B018


def errors(org: Org) -> str | None:
    try:
        parse("SELECT")
        org.query("SELECT Id FROM Account")
    except SoqlSyntaxError as error:
        assert_type((error.line, error.column, error.expected), tuple[int, int, tuple[str, ...]])
        raise ValueError(error.excerpt) from error
    except IncompleteResult as error:
        assert_type(error.received, int | None)
    except ResponseError as error:
        assert_type(error.fields, tuple[str, ...])
    except SalesforceError as error:
        assert_type((error.error_code, error.status), tuple[str | None, int | None])
        return error.hint
    return None


def progress(org: Org) -> None:
    def show(event: Event) -> None:
        if isinstance(event, RowsRead):
            assert_type(event.rows, int)

    stop = org.hooks.subscribe(show)
    stop()


def local() -> None:
    with LocalOrg(tls=True) as org, sfdata.connect(instance_url=org.instance_url, access_token=org.access_token) as own:
        assert_type(own, Org)
