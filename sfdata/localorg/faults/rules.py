"""Fault rules: which requests of which operation suffer what; and how often each of them has been met and has struck.

A test must not pass by missing its fault, so every rule is counted: `Faults.listed` tells what each one did, and how
often it was to strike at the least.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from threading import Lock
from typing import Any

from sfdata.localorg.faults.kinds import KINDS, POINTS, Meeting
from sfdata.localorg.faults.operations import is_known, operation

OWN_PATHS = re.compile(r"/(?:localorg/.*)?", re.DOTALL)
"""What is the local org's own is never disturbed: a test must be able to take its faults back."""

MEMBERS: Mapping[str, str] = {
    "kind": f"one of {', '.join(sorted(KINDS))}",
    "operation": "the name of an operation, in which * stands for any letters",
    "path": "a regular expression",
    "point": f"one of {', '.join(POINTS)}",
    "nth": "a whole number from 1, or a list of them",
    "every": "a whole number from 1",
    "probability": "a number from 0 to 1",
    "seed": "a whole number",
    "times": "a whole number from 1",
    "args": "an object",
}
"""What a rule may be given as, and what of."""


class BadRule(ValueError):
    """A rule that cannot be: the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A fault and the requests that suffer it.

    Attributes:
        kind: what happens; see `kinds.KINDS`.
        operation: the request's name, see `operations.PATTERNS`, or a pattern such as ``ingest_*``.
        path: a regular expression that is found in path and query string.
        point: when it happens, if not at the kind's usual point.
        nth: which of the requests that fit: the first is 1. Without ``nth``, ``every`` and ``probability``, each.
        every: each so-many-th of them.
        probability: each of them with this probability, drawn from ``seed``.
        times: at most so many of them.
        args: what the kind takes.
    """

    kind: str
    operation: str = "*"
    path: str | None = None
    point: str | None = None
    nth: tuple[int, ...] = ()
    every: int | None = None
    probability: float | None = None
    seed: int = 0
    times: int | None = None
    args: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        nth: Any = self.nth
        object.__setattr__(self, "nth", (nth,) if isinstance(nth, int) else tuple(nth or ()))
        _require(isinstance(self.kind, str) and self.kind in KINDS, "kind")
        _require(isinstance(self.operation, str) and is_known(self.operation), "operation")
        _require(self.path is None or _compiles(self.path), "path")
        _require(all(_counts(n) for n in self.nth), "nth")
        _require(self.every is None or _counts(self.every), "every")
        _require(self.times is None or _counts(self.times), "times")
        _require(self.probability is None or (_number(self.probability) and 0 <= self.probability <= 1), "probability")
        _require(type(self.seed) is int, "seed")
        if bool(self.nth) + (self.every is not None) + (self.probability is not None) > 1:
            raise BadRule("a rule has nth, every or probability, not two of them")
        kind = KINDS[self.kind]
        if self.point is None:
            object.__setattr__(self, "point", kind.points[0])
        elif self.point not in kind.points:
            raise BadRule(f"the point of a fault of kind {self.kind} must be one of {', '.join(kind.points)}")
        _require(isinstance(self.args, Mapping), "args")
        try:
            object.__setattr__(self, "args", kind.checked(self.args))
        except ValueError as problem:
            raise BadRule(f"a fault of kind {self.kind}: {problem}") from None

    @classmethod
    def parse(cls, given: Any) -> Rule:
        """A rule from the JSON object of a request.

        Raises:
            BadRule: it is none.
        """
        if not isinstance(given, dict):
            raise BadRule("a fault is a JSON object")
        unknown = given.keys() - MEMBERS.keys()
        if unknown or "kind" not in given:
            wrong = f"a fault has no {min(unknown)}" if unknown else "a fault has a kind"
            raise BadRule(f"{wrong}; it has {', '.join(MEMBERS)}")
        try:
            return cls(**given)
        except TypeError:
            raise BadRule("nth must be a whole number from 1, or a list of them") from None

    @property
    def due(self) -> int:
        """How often the rule is to strike at the least, if the test means it."""
        if self.times is not None:
            return self.times
        return len(set(self.nth)) or (0 if self.probability is not None else 1)

    def fits(self, name: str, target: str) -> bool:
        """Whether a request of this name and target is one of those that are counted."""
        return fnmatchcase(name, self.operation) and (self.path is None or re.search(self.path, target) is not None)

    def strikes(self, number: int) -> bool:
        """Whether the ``number``-th request that fits suffers; always the same."""
        if self.nth:
            return number in self.nth
        if self.every is not None:
            return number % self.every == 0
        return self.probability is None or _dice(f"{self.seed}/{number}").random() < self.probability

    def described(self) -> dict[str, Any]:
        """The rule as JSON, without what was left out."""
        values = {name: getattr(self, name) for name in MEMBERS}
        values["nth"] = list(self.nth)
        return {name: value for name, value in values.items() if value not in (None, [], {})}


@dataclass(slots=True)
class Planted:
    """A rule in force; ``memory`` is what its kind keeps from one request to the next."""

    number: int
    rule: Rule
    met: int = 0
    fired: int = 0
    memory: dict[str, Any] = field(default_factory=dict)


class Faults:
    """The rules in force in one org, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = count(1)
        self._planted: tuple[Planted, ...] = ()

    def add(self, kind: str, operation: str = "*", **members: Any) -> int:
        """Put a rule in force; the members are those of `Rule`. Returns its number.

        Raises:
            BadRule: there is no such kind, operation, point or argument.
        """
        return self.plant([Rule.parse({"kind": kind, "operation": operation, **members})])[0]

    def plant(self, rules: Collection[Rule]) -> list[int]:
        """Put rules in force, all at once; their numbers."""
        with self._lock:
            fresh = [Planted(next(self._numbers), rule) for rule in rules]
            self._planted = (*self._planted, *fresh)
        return [planted.number for planted in fresh]

    def clear(self, number: int | None = None) -> None:
        """Take back a rule, or all of them."""
        with self._lock:
            self._planted = tuple(p for p in self._planted if number is not None and p.number != number)

    def listed(self) -> list[dict[str, Any]]:
        """Each rule, with its number, how many requests it has ``met``, how often it ``fired`` and was ``due`` to."""
        with self._lock:
            return [
                {"id": p.number, **p.rule.described(), "met": p.met, "fired": p.fired, "due": p.rule.due}
                for p in self._planted
            ]

    def met(self, method: str, target: str, *, early: bool) -> list[Meeting]:
        """The faults that a request suffers before it is received (``early``), or else later.

        Costs nothing where there are no rules. A request that fits a rule is counted by it.
        """
        if not self._planted:
            return []
        path = target.partition("?")[0]
        if OWN_PATHS.fullmatch(path):
            return []
        name = operation(method, path)
        with self._lock:
            wanted = [p for p in self._planted if (p.rule.point == POINTS[0]) == early and p.rule.fits(name, target)]
            return [meeting for planted in wanted if (meeting := _counted(planted)) is not None]


def _counted(planted: Planted) -> Meeting | None:
    """Count a request that fits; the meeting, if the rule strikes or has to look on."""
    rule = planted.rule
    planted.met += 1
    strikes = rule.strikes(planted.met) and (rule.times is None or planted.fired < rule.times)
    planted.fired += strikes
    if not strikes and not KINDS[rule.kind].looks_on:
        return None
    assert rule.point is not None, "set when the rule was made"
    draw = _dice(f"{rule.seed}:{planted.met}")
    return Meeting(KINDS[rule.kind], rule.point, rule.args, draw, planted.memory, strikes)


def _dice(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secret: it must fall the same way each time


def _require(holds: bool, name: str) -> None:
    if not holds:
        raise BadRule(f"{name} must be {MEMBERS[name]}")


def _counts(value: Any) -> bool:
    return type(value) is int and value >= 1


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _compiles(pattern: Any) -> bool:
    try:
        return isinstance(pattern, str) and re.compile(pattern) is not None
    except re.error:
        return False
