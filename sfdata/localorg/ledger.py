"""What was really written, and by which request: an account that is kept by the database itself.

Triggers write it, inside the transaction of the write they tell of: what is rolled back is not in it, and no handler
can forget it or embellish it. It is what tests hold a client's word to, so nothing here asks how a write came about.

    GET /localorg/ledger?since=17       every effect behind the seventeenth, with the fault token

It is opened by whoever asks for it first, and tells what is written from then on; until then it costs nothing. The
request of an effect is the one whose answer bears the same ``X-SFDC-Request-Id``; for the rows of a bulk job the one
that closed it. Effects on other rows, such as a delete's on children, stand beside the one that was asked for.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.faults.resource import require_fault_token
from sfdata.localorg.login.sessions import bearer_token
from sfdata.localorg.routing import Answer, Request, Route, json_answer
from sfdata.localorg.schema import SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import quoted

PATH = "/localorg/ledger"
REQUEST_HEADER = "X-SFDC-Request-Id"
FINGERPRINT_LETTERS = 12
MOST_EFFECTS = 50_000
"""As many as one answer holds."""

COLUMNS = ("sequence", "object", "id", "effect", "request", "session", "at")
TABLE = 'temp."_ledger"'
NOTE = (
    'INSERT INTO "_ledger" (object, id, effect, request, session, at) '
    "SELECT {name}, {row}.\"Id\", {effect}, ledger_request(), ledger_session(), strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
)
BIN_MOVES = (
    'CASE WHEN NEW."IsDeleted" > OLD."IsDeleted" THEN \'deleted\' '
    "WHEN NEW.\"IsDeleted\" < OLD.\"IsDeleted\" THEN 'undeleted' ELSE 'updated' END"
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a write comes from: the Id of a request, and a fingerprint of the token it bore."""

    request: str = ""
    session: str = ""


NOWHERE = Origin()
ORIGIN: ContextVar[Origin] = ContextVar("ORIGIN", default=NOWHERE)
"""Of the request that is being answered, also in the thread that works for the job it started."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One row that was changed for good.

    ``effect`` is ``created``, ``updated``, ``deleted`` (into the recycle bin), ``undeleted`` or ``purged``; ``at`` the
    time in UTC, ``session`` a fingerprint of the token.
    """

    sequence: int
    object: str
    id: str
    effect: str
    request: str
    session: str
    at: str


class Ledger:
    """The effects on one store, from when the ledger was opened."""

    def __init__(self, store: Store) -> None:
        self._store = store
        connection = store.connection
        connection.create_function("ledger_request", 0, lambda: ORIGIN.get().request)
        connection.create_function("ledger_session", 0, lambda: ORIGIN.get().session)
        with store.transaction():
            connection.execute(
                f"CREATE TABLE {TABLE} (sequence INTEGER PRIMARY KEY, object TEXT, id TEXT, effect TEXT, request TEXT, "
                "session TEXT, at TEXT)"
            )
            for sobject in store.schema:
                self._watch(sobject)

    def effects(self, since: int = 0, most: int | None = None) -> list[Effect]:
        """The effects behind number ``since``, in the order in which they happened; at most so many."""
        statement = f"SELECT {', '.join(COLUMNS)} FROM {TABLE} WHERE sequence > ? ORDER BY sequence LIMIT ?"  # noqa: S608
        # Who holds the lock sees no half-done transaction: writers hold it to the end of theirs.
        with self._store.lock:
            rows = self._store.connection.execute(statement, (since, -1 if most is None else most)).fetchall()
        return [Effect(*row) for row in rows]

    def _watch(self, sobject: SObject) -> None:
        moved = BIN_MOVES if sobject.field("IsDeleted") else "'updated'"
        for event, row, effect in (
            ("INSERT", "NEW", "'created'"),
            ("UPDATE", "NEW", moved),
            ("DELETE", "OLD", "'purged'"),
        ):
            trigger, table = quoted(f"ledger.{sobject.name}.{event}"), quoted(sobject.name)
            note = NOTE.format(name=f"'{sobject.name}'", row=row, effect=effect)
            self._store.connection.execute(
                f"CREATE TEMP TRIGGER {trigger} AFTER {event} ON main.{table} BEGIN {note}; END"
            )


class RequestIds:
    """Gives each request of an org an Id of Salesforce's form: ``TID:`` and sixteen hexadecimal digits or more."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def origin(self, authorization: str | None) -> Origin:
        """The next request's Id, and the fingerprint of the token it bears."""
        token = bearer_token(authorization)
        session = hashlib.sha256(token.encode(errors="replace")).hexdigest()[:FINGERPRINT_LETTERS] if token else ""
        return Origin(f"TID:{self._prefix}{next(self._numbers):08x}", session)


# --- the resource ----------------------------------------------------------------------------------------------------


def effects(request: Request) -> Answer:
    """``GET``: the effects behind ``since``, and the number to ask from the next time; the first call opens it."""
    require_fault_token(request)
    since = request.query.get("since", "0")
    if not (since.isascii() and since.isdecimal() and len(since) < 16):
        raise ApiError(400, "INVALID_INPUT", "since must be the sequence number of an effect")
    found = request.org.ledger.effects(int(since), MOST_EFFECTS)
    told: list[dict[str, Any]] = [{name: getattr(effect, name) for name in COLUMNS} for effect in found]
    last = found[-1].sequence if found else int(since)
    return json_answer({"effects": told, "last": last, "done": len(found) < MOST_EFFECTS})


ROUTES: tuple[Route, ...] = (Route("GET", PATH, effects, "What was written, and by which request", public=True),)
"""Without a session: the fault token opens it."""
