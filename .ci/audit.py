"""Asks an advisory service what is known against the locked packages.

    .venv/bin/python .ci/audit.py                                   # asks nobody, and says so
    .venv/bin/python .ci/audit.py --service https://… --required    # before a release, and on a schedule

What is known against a package fails, unless waivers.toml waives it for a while. A waiver that has run out, reaches
too far or is for nothing fails, too. A service is one that answers as OSV does, named by ``--service`` or in
``ADVISORY_SERVICE``: a build goes nowhere unasked. https://google.github.io/osv.dev/post-v1-querybatch/
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
import tomllib
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from locked import Pin, pins

SECONDS = 20.0
LONGEST = dt.timedelta(days=90)
"""How far ahead a waiver may reach: a weakness is lived with for a while, not for good."""
WAIVERS = Path(__file__).with_name("waivers.toml")


class Waiver(NamedTuple):
    """Who said that an advisory against a package may stand, why, and up to which day."""

    advisory: str
    package: str
    reason: str
    approved_by: str
    until: dt.date


class Advisory(NamedTuple):
    """Something that is known against a locked package."""

    id: str
    package: str
    version: str


def advisories(locked: Sequence[Pin], service: str | None) -> list[Advisory]:
    """What the service knows against the packages.

    Raises:
        OSError: it cannot be reached, or gives no answer that tells of every package.
    """
    if not service:
        raise OSError("none is named")
    found, asked = list[Advisory](), [(pin, "") for pin in locked]
    while asked:
        queries = [_query(pin, page) for pin, page in asked]
        results = _post(f"{service}/v1/querybatch", {"queries": queries}).get("results")
        if not isinstance(results, list) or len(results) != len(asked):
            raise OSError("the service did not answer for every package")
        following = []
        for (pin, _), result in zip(asked, results, strict=True):
            found += [Advisory(known["id"], pin.name, pin.version) for known in result.get("vulns", [])]
            if page := result.get("next_page_token"):
                following.append((pin, page))
        asked = following
    return found


def _query(pin: Pin, page: str) -> dict[str, Any]:
    query: dict[str, Any] = {"package": {"purl": f"pkg:pypi/{pin.name}@{pin.version}"}}
    return query | ({"page_token": page} if page else {})


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the address is ours
        try:
            told = json.load(answer)
        except ValueError:
            raise OSError("what answered was not the service") from None
    if not isinstance(told, dict):
        raise OSError("what answered was not the service")
    return told


def waivers(path: Path = WAIVERS) -> list[Waiver]:
    """The waivers of a file; each member of each is needed."""
    return [Waiver(**entry) for entry in tomllib.loads(path.read_text("utf-8")).get("waiver", [])]


def judged(known: Sequence[Advisory], waived: Sequence[Waiver], today: dt.date) -> list[str]:
    """What is wrong: advisories nobody waives, waivers that have run out, reach too far or are for nothing."""
    valid = {(waiver.advisory, waiver.package) for waiver in waived if waiver.until >= today}
    wrong = [f"{a.package} {a.version}: {a.id}" for a in known if (a.id, a.package) not in valid]
    needed = {(a.id, a.package) for a in known}
    return (
        wrong
        + overdue(waived, today)
        + [
            f"the waiver of {waiver.advisory} for {waiver.package} is for nothing"
            for waiver in waived
            if (waiver.advisory, waiver.package) not in needed
        ]
    )


def overdue(waived: Sequence[Waiver], today: dt.date) -> list[str]:
    """Waivers that have run out or reach too far: known without asking anybody."""
    wrong = []
    for waiver in waived:
        if waiver.until < today:
            wrong.append(f"the waiver of {waiver.advisory} for {waiver.package} ran out on {waiver.until}")
        elif waiver.until > today + LONGEST:
            wrong.append(f"the waiver of {waiver.advisory} for {waiver.package} reaches beyond {LONGEST.days} days")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, tell, and give the status."""
    parser = argparse.ArgumentParser(description="what is known against the locked packages")
    parser.add_argument("--required", action="store_true", help="fail where no service answers")
    parser.add_argument("--service", default=os.environ.get("ADVISORY_SERVICE"))
    chosen = parser.parse_args(arguments)
    locked, waived, today = pins(), waivers(), dt.datetime.now(dt.UTC).date()
    try:
        wrong, audited = judged(advisories(locked, chosen.service), waived, today), True
    except OSError as problem:
        print(f"audit: NOTHING WAS AUDITED, the advisory service cannot be asked: {problem}")
        wrong, audited = overdue(waived, today), False
    print(*(f"audit: {line}" for line in wrong), sep="\n", end="\n" if wrong else "")
    if audited:
        print(f"audit: {len(locked)} packages, {len(wrong)} to look at")
    return 1 if wrong or (chosen.required and not audited) else 0


if __name__ == "__main__":
    sys.exit(main())
