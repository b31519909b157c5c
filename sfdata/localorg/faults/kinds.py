"""The kinds of faults: what each does, at which points of a request's life it can happen, and what it takes.

before-receive   the head of the request is there, its body is not
before-commit    the request is there, and nothing has been done
before-answer    everything has been done, and no byte of the answer has been sent
mid-answer       a part of the answer has been sent
after-answer     all of it has
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from email.utils import formatdate
from html import escape
from typing import Any

from sfdata.localorg import wall_clock
from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.jobs import ABORTED, INGEST, QUERY
from sfdata.localorg.bulk.work import DISTURBANCE, FAILED, Disturbance
from sfdata.localorg.faults import bodies, delivery
from sfdata.localorg.faults.delivery import CODINGS, FRAMINGS, broken
from sfdata.localorg.login.sessions import bearer_token
from sfdata.localorg.routing import Answer, Delivery, Request, json_answer

POINTS = ("before-receive", "before-commit", "before-answer", "mid-answer", "after-answer")
AHEAD = POINTS[:2]
"""The points at which a request has not been carried out."""

JOB_PATH = re.compile(r".*/jobs/(ingest|query)/([^/?]+)", re.IGNORECASE)
JOB_TYPES = {"ingest": INGEST, "query": QUERY}
HTML = "text/html;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Arg:
    """What an argument may be, and what it is where it is left out."""

    types: tuple[type, ...]
    default: Any = None
    choices: tuple[str, ...] = ()

    def fits(self, value: Any) -> bool:
        if value is None:
            return self.default is None
        if isinstance(value, bool) and bool not in self.types:
            return False
        return isinstance(value, self.types) and (not self.choices or value in self.choices)


@dataclass(frozen=True, slots=True)
class Meeting:
    """A request and the fault it suffers. ``draw`` is seeded; ``memory`` lasts from one request to the next.

    Where it does not ``strike``, the kind only looks on.
    """

    kind: Kind
    point: str
    args: Mapping[str, Any]
    draw: random.Random
    memory: dict[str, Any]
    strikes: bool = True

    @property
    def ahead(self) -> bool:
        return self.point in AHEAD

    @property
    def part(self) -> delivery.Part:
        """How much of the answer is sent before the connection suffers."""
        if self.point == "mid-answer":
            return delivery.up_to(self.args["at"])
        return delivery.whole if self.point == "after-answer" else delivery.nothing


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: the points it can happen at, the usual one first, what it takes, and what it does.

    Attributes:
        instead: answers in place of the org.
        deliver: sends the answer.
        around: what the org suffers while it carries the request out.
        after: changes the answer; it gets the request, too.
        looks_on: ``after`` sees every answer to a request that fits, also where it is not to strike.
    """

    what: str
    points: tuple[str, ...]
    args: Mapping[str, Arg]
    instead: Callable[[Meeting], Answer] | None = None
    deliver: Callable[[Meeting], Delivery] | None = None
    around: Callable[[Meeting, Request], AbstractContextManager[None]] | None = None
    after: Callable[[Meeting, Request, Answer], Answer] | None = None
    looks_on: bool = False

    def checked(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments, with those that were left out.

        Raises:
            ValueError: one is unknown or of the wrong kind.
        """
        unknown = given.keys() - self.args.keys()
        if unknown:
            raise ValueError(f"there is no argument {min(unknown)}; there are {', '.join(self.args) or 'none'}")
        for name, value in given.items():
            arg = self.args[name]
            if not arg.fits(value):
                wanted = " or ".join(arg.choices) or " or ".join(kind.__name__ for kind in arg.types)
                raise ValueError(f"{name} must be {wanted}")
        return {name: given.get(name, arg.default) for name, arg in self.args.items()}


# --- answers of somebody else ----------------------------------------------------------------------------------------


def _refusal(meeting: Meeting) -> Answer:
    args = meeting.args
    return json_answer(
        ApiError(args["status"], args["error_code"], args["message"]).body(), args["status"], args["headers"]
    )


def _page_of_html(meeting: Meeting) -> Answer:
    title = escape(meeting.args["title"])
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(meeting.args["status"], page.encode(), HTML)


# --- what the org suffers --------------------------------------------------------------------------------------------


@contextmanager
def _token_expired(meeting: Meeting, request: Request) -> Iterator[None]:
    request.org.sessions.revoke(bearer_token(request.headers.get("authorization")) or "")
    yield


def _told_by_status(meeting: Meeting, request: Request, given: Answer) -> Answer:
    return replace(given, status=meeting.args["status"]) if given.status == 401 and meeting.ahead else given


@contextmanager
def _locators_expired(meeting: Meeting, request: Request) -> Iterator[None]:
    request.org.engine.forget_cursors()
    yield


@contextmanager
def _job_deleted(meeting: Meeting, request: Request) -> Iterator[None]:
    if found := JOB_PATH.match(request.path):
        jobs = request.org.bulk.jobs
        with suppress(ApiError):  # one that has not ended cannot be deleted
            jobs.remove(jobs.find(JOB_TYPES[found[1].lower()], found[2]))
    yield


@contextmanager
def _job_disturbed(meeting: Meeting, request: Request) -> Iterator[None]:
    before = DISTURBANCE.set(Disturbance(**meeting.args))
    try:
        yield
    finally:
        DISTURBANCE.reset(before)


@contextmanager
def _clock_off(meeting: Meeting, request: Request) -> Iterator[None]:
    before = wall_clock.OFF_BY_SECONDS.set(meeting.args["seconds"])
    try:
        yield
    finally:
        wall_clock.OFF_BY_SECONDS.reset(before)


def _dated(meeting: Meeting, request: Request, given: Answer) -> Answer:
    return bodies.with_header(given, "Date", formatdate(time.time() + meeting.args["seconds"], usegmt=True))


@contextmanager
def _delayed(meeting: Meeting, request: Request) -> Iterator[None]:
    time.sleep(meeting.args["seconds"])
    yield


# --- answers made wrong ----------------------------------------------------------------------------------------------


def _repeated(meeting: Meeting, request: Request, given: Answer) -> Answer:
    before: Answer | None = meeting.memory.get("before")
    meeting.memory["before"] = given
    if not meeting.strikes or given.status != 200:
        return given
    if before is None:
        raise bodies.Unfit("there was no page before this one")
    return bodies.with_rows_of(given, before)


def _leading_to_itself(meeting: Meeting, request: Request, given: Answer) -> Answer:
    target = f"{request.path}?{request.query_string}" if request.query_string else request.path
    return bodies.leading_to(given, target)


def _malformed(meeting: Meeting, request: Request, given: Answer) -> Answer:
    return bodies.malformed(given, delivery.place(meeting.args["at"], len(given.body)), meeting.args["text"])


# --- the table -------------------------------------------------------------------------------------------------------

_ANSWERING = ("before-commit", "before-receive", "before-answer")
_CONNECTION = ("before-answer", "before-receive", "before-commit", "mid-answer", "after-answer")
_CONTENT = ("before-answer",)
_MIDWAY = ("mid-answer",)
_WORK = ("before-commit",)
_NUMBER = (int, float)
_AT = {"at": Arg((int,))}
"""A place in the body, of the request for ``before-receive`` and of the answer for ``mid-answer``: its middle if left
out, counted from the end if negative."""
_ROWS = {"rows": Arg((int,), 1)}

KINDS: Mapping[str, Kind] = {
    "status": Kind(
        "Salesforce's form of an error, of any status and code",
        _ANSWERING,
        {
            "status": Arg((int,), 503),
            "error_code": Arg((str,), "SERVER_UNAVAILABLE"),
            "message": Arg((str,), "The server is busy"),
            "headers": Arg((dict,), {}),
        },
        instead=_refusal,
    ),
    "html": Kind(
        "a page for people, as proxies and maintenance windows have it",
        _ANSWERING,
        {"status": Arg((int,), 502), "title": Arg((str,), "Bad Gateway")},
        instead=_page_of_html,
    ),
    "reset": Kind(
        "the connection is reset (RST)",
        _CONNECTION,
        _AT,
        deliver=lambda meeting: broken(meeting.part, delivery.reset),
    ),
    "fin": Kind(
        "the connection is closed (FIN)",
        _CONNECTION,
        _AT,
        deliver=lambda meeting: broken(meeting.part, delivery.fin),
    ),
    "stall": Kind(
        "nothing comes for so many seconds, then the connection is closed",
        _CONNECTION,
        {**_AT, "seconds": Arg(_NUMBER, 60.0)},
        deliver=lambda meeting: broken(meeting.part, delivery.stall(meeting.args["seconds"])),
    ),
    "trickle": Kind(
        "the answer comes a few bytes at a time",
        _MIDWAY,
        {"bytes": Arg((int,), 1), "seconds": Arg(_NUMBER, 0.05)},
        deliver=lambda meeting: delivery.trickled(meeting.args["bytes"], meeting.args["seconds"]),
    ),
    "length": Kind(
        "a Content-Length that is off by so many bytes",
        _MIDWAY,
        {"by": Arg((int,), 1)},
        deliver=lambda meeting: delivery.miscounted(meeting.args["by"]),
    ),
    "cut": Kind(
        "the body is cut, and the framing says that it is whole",
        _MIDWAY,
        {
            **_AT,
            "framing": Arg((str,), "length", FRAMINGS),
            "coding": Arg((str,), None, tuple(CODINGS)),
            "members": Arg((int,), 1),
        },
        deliver=lambda meeting: delivery.cut(**meeting.args),
    ),
    "delay": Kind("the answer takes longer", _WORK, {"seconds": Arg(_NUMBER, 1.0)}, around=_delayed),
    "strip-header": Kind(
        "a header is taken away",
        _CONTENT,
        {"name": Arg((str,), bodies.LOCATOR_HEADER)},
        after=lambda meeting, request, given: bodies.with_header(given, meeting.args["name"], None),
    ),
    "set-header": Kind(
        "a header is another, or spelled another way",
        _CONTENT,
        {"name": Arg((str,), "Retry-After"), "value": Arg((str,), "1")},
        after=lambda meeting, request, given: bodies.with_header(given, meeting.args["name"], meeting.args["value"]),
    ),
    "shuffle": Kind(
        "the rows come in another order",
        _CONTENT,
        {},
        after=lambda meeting, request, given: bodies.shuffled(given, meeting.draw),
    ),
    "drop": Kind(
        "rows are left out",
        _CONTENT,
        _ROWS,
        after=lambda meeting, request, given: bodies.without(given, meeting.args["rows"], meeting.draw),
    ),
    "extra": Kind(
        "rows come twice",
        _CONTENT,
        _ROWS,
        after=lambda meeting, request, given: bodies.doubled(given, meeting.args["rows"], meeting.draw),
    ),
    "repeat-page": Kind(
        "the rows of the page before, under this page's counts and way on",
        _CONTENT,
        {},
        after=_repeated,
        looks_on=True,
    ),
    "self-link": Kind("a page leads to itself", _CONTENT, {}, after=_leading_to_itself),
    "wrong-count": Kind(
        "a count is off",
        _CONTENT,
        {"by": Arg((int,), 1), "field": Arg((str,))},
        after=lambda meeting, request, given: bodies.miscounted(given, meeting.args["by"], meeting.args["field"]),
    ),
    "malformed": Kind(
        "a text stands in the body where it does not belong",
        _CONTENT,
        {**_AT, "text": Arg((str,), '"')},
        after=_malformed,
    ),
    "expire-token": Kind(
        "the session ends, before the request is carried out or after it was answered",
        ("before-commit", "before-answer"),
        {"status": Arg((int,), 401)},
        around=_token_expired,
        after=_told_by_status,
    ),
    "expire-locator": Kind("every query cursor of the org is forgotten", _WORK, {}, around=_locators_expired),
    "delete-job": Kind("somebody has deleted the job that is asked for", _WORK, {}, around=_job_deleted),
    "stop-job": Kind(
        "the job that this request starts ends after so many rows",
        _WORK,
        {
            "rows": Arg((int,), 0),
            "state": Arg((str,), FAILED, (FAILED, ABORTED)),
            "message": Arg((str,), "InternalServerError : An unexpected error occurred"),
        },
        around=_job_disturbed,
    ),
    "slow-job": Kind(
        "the job that this request starts waits before its work",
        _WORK,
        {"seconds": Arg(_NUMBER, 1.0)},
        around=_job_disturbed,
    ),
    "clock-skew": Kind(
        "the org's clock is off: in the Date header and where assertions are checked",
        _WORK,
        {"seconds": Arg(_NUMBER, 600)},
        around=_clock_off,
        after=_dated,
    ),
}
"""What each kind does is told to whoever asks for the rules."""
