"""``sfdata demo``: the main job, from a started org to typed DataFrames, told step by step on the terminal."""

from __future__ import annotations

import time

import pandas as pd

from sfdata.frames.batch import children
from sfdata.org import Org, connect

INDUSTRIES = ["Manufacturing", "Energy", "Construction"]

DEALS = """\
SELECT Name, StageName, Amount, CloseDate, Account.Name, Owner.Name
FROM Opportunity
WHERE IsClosed = FALSE AND Account.Industry IN :industries
ORDER BY Amount DESC NULLS LAST
LIMIT 8"""

PIPELINE = """\
SELECT StageName, COUNT(Id) deals, SUM(Amount) total, AVG(Amount) average
FROM Opportunity WHERE IsClosed = FALSE
GROUP BY StageName ORDER BY SUM(Amount) DESC"""

CONTACTS = """\
SELECT Id, Name, BillingCity, (SELECT Name, Email FROM Contacts ORDER BY LastName)
FROM Account WHERE NumberOfEmployees > 1000 ORDER BY Name LIMIT 200"""

EVERYTHING = "SELECT Id, Name, AccountId, Email, MailingCity, Birthdate, CreatedDate, Owner.Name FROM Contact"


def demo() -> None:
    """Start the local org, run four queries through the client, and print what comes back."""
    _say("Starting a local org with its sample company …")
    started = time.perf_counter()
    with connect("local") as org:
        _say(f"{org} is up after {time.perf_counter() - started:.1f} s. No Salesforce account was needed.")
        _step("Open deals of three industries: a list bound to :industries, parents flattened", DEALS)
        deals = _timed(org, DEALS, {"industries": INDUSTRIES})
        _step("Their dtypes come from the org's describe, never from the values")
        _say(deals.dtypes.to_string())
        _step("Aggregates keep the names they are given", PIPELINE)
        _timed(org, PIPELINE)
        _step("A child subquery is a second frame, linked by the child's own reference field", CONTACTS)
        accounts = _timed(org, CONTACTS, show=4)
        contacts = children(accounts, "Contacts")
        _say(f"{contacts.head(4).to_string()}\n… {len(contacts):,} contacts of {len(accounts):,} accounts")
        _step("All contacts, every page, proved complete by the org's own count", EVERYTHING)
        _timed(org, EVERYTHING, show=4)
    _say("\nNext: sfdata lab   (the same in a notebook: %load_ext sfdata, then %%soql)")


def _timed(org: Org, soql: str, params: dict[str, object] | None = None, show: int = 8) -> pd.DataFrame:
    started = time.perf_counter()
    frame = org.query(soql, params)
    seconds = time.perf_counter() - started
    with pd.option_context("display.width", 160, "display.max_columns", 12):
        _say(frame.head(show).to_string(max_colwidth=34))
    _say(f"[{len(frame):,} rows × {len(frame.columns)} columns in {seconds:.2f} s]")
    return frame


def _step(title: str, soql: str = "") -> None:
    _say(f"\n── {title}")
    for line in soql.splitlines():
        _say(f"   {line}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this command's output
