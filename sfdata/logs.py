"""What a connection does, as lines of a log: one for each call, and one for each retry, login, job and read.

It is the standard library's logging, by the logger ``sfdata``; nothing is shown unless a program or a notebook asks:

    logging.basicConfig(level=logging.INFO)      # everything there is, sfdata's lines among it
    sfdata.log_to()                              # only sfdata's, on standard error
    sfdata.log_to("sfdata.log", "DEBUG")         # in a file, with the statements sent

Every line's parts are attributes of its record, too (``record.request_id``, ``record.status`` …), for handlers that
write JSON. Secrets, header values and the values in SOQL are taken out before any handler sees them: see
`sfdata.redaction`.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

from sfdata.errors import ConfigurationError
from sfdata.redaction import LIBRARIES, Masked, conceal, masked_path, masked_statement, redact
from sfdata.resilience.hooks import (
    CallDone,
    EngineChosen,
    Event,
    JobState,
    PushMoved,
    RequestDone,
    RetryScheduled,
    RowsRead,
    StatementSent,
    TokenRenewed,
    UnitMoved,
    WriteDone,
)
from sfdata.stop import Stopped

LOG = logging.getLogger("sfdata")
LOG.addHandler(logging.NullHandler())  # a program that asks for no log is shown none, not even warnings
redact("sfdata")

FORM = "%(asctime)s %(levelname)-7s %(message)s"
_JOB = re.compile(r"/jobs/(?:ingest|query)/(750\w{12,15})")


class ConnectionLog:
    """Writes the events of one connection into the log; subscribe it to the connection's hooks.

    Args:
        host: of the org, which each line begins with.
        mask: hides the secrets that the connection holds; a method of what holds them.
    """

    def __init__(self, host: str, mask: Masked) -> None:
        self._host = host
        self._states: dict[str, str] = {}
        redact(*LIBRARIES)
        conceal(mask)

    def __call__(self, event: Event) -> None:
        if not LOG.isEnabledFor(logging.WARNING):
            return
        match event:
            case CallDone():
                self._call(event)
            case RetryScheduled(method, path, attempt, seconds, reason):
                what = f"{method} {masked_path(path)} {reason}: attempt {attempt + 1} in {seconds:.1f} s"
                self._write(logging.WARNING, what, attempt=attempt, reason=reason)
            case TokenRenewed(flow, reason):
                self._write(logging.INFO, f"logged in by {flow} ({reason})", flow=flow, reason=reason)
            case StatementSent(engine, soql):
                self._statement(engine, soql)
            case RowsRead(rows, total, done):
                level = logging.INFO if done else logging.DEBUG
                self._write(level, f"{rows:,} of {total:,} rows read", rows=rows, total=total)
            case JobState(job, state, rows):
                level = logging.DEBUG if self._states.get(job) == state else logging.INFO
                self._states[job] = state
                self._write(level, f"job {job} is {state}, {rows or 0:,} rows", job=job, state=state, rows=rows)
            case EngineChosen(engine, reason):
                self._write(logging.INFO, f"goes on through {engine}: {reason}", engine=engine, reason=reason)
            case UnitMoved(push, unit, rows, phase, job):
                what = f"{push} part {unit}, {rows:,} rows: {phase}" + (f" in job {job}" if job else "")
                self._write(logging.INFO, what, push=push, unit=unit, rows=rows, phase=phase, job=job)
            case PushMoved(push, name, operation, _, rows, state):
                what = f"{push} {state}: {operation} {name}, {rows:,} rows"
                self._write(logging.INFO, what, push=push, state=state, object=name, operation=operation, rows=rows)
            case RequestDone() | WriteDone():
                pass  # a call's line tells it

    def _call(self, event: CallDone) -> None:
        path, job = masked_path(event.path), _JOB.search(event.path)
        told = {
            "seconds": round(event.seconds, 3),
            "sent": event.sent,
            "received": event.received,
            "retries": max(event.attempts - 1, 0),
            "request_id": event.id,
            "correlation_id": event.org_request_id,
            "job": job[1] if job else None,
            "error": event.error,
        }
        unusual = event.error not in (None, Stopped.__name__) or (event.status or 0) >= 500
        counts = " ".join(f"{name}={value}" for name, value in told.items() if value is not None)
        outcome = "no answer" if event.status is None else event.status
        line = f"{event.method} {path} {outcome} {counts}"
        level = logging.WARNING if unusual else logging.INFO
        self._write(level, line, method=event.method, path=path, status=event.status, **told)

    def _statement(self, engine: str, soql: str) -> None:
        if LOG.isEnabledFor(logging.DEBUG):
            masked = masked_statement(soql)
            self._write(logging.DEBUG, f"{engine}: {masked}", engine=engine, soql=masked)

    def _write(self, level: int, line: str, **parts: object) -> None:
        LOG.log(level, "%s %s", self._host, line, extra={"org": self._host, **parts})


def log_to(where: str | os.PathLike[str] | TextIO | None = None, level: int | str = "INFO") -> Callable[[], None]:
    """Show sfdata's log from here on; the function that is returned ends it.

    What `logging.basicConfig` does for all of a program, this does for sfdata alone.

    Args:
        where: a stream, or the name of a file, which is added to and only its owner can read; standard error by
            default.
        level: ``"WARNING"`` shows retries and failed calls, ``"INFO"`` each call, ``"DEBUG"`` the statements, too.

    Raises:
        ConfigurationError: no such level, or the file cannot be written.
    """
    handler = _handler(where)
    try:
        handler.setLevel(level.upper() if isinstance(level, str) else level)
    except (ValueError, TypeError):
        handler.close()
        raise ConfigurationError(f"{level!r} is no level of a log: DEBUG, INFO, WARNING or ERROR") from None
    handler.setFormatter(logging.Formatter(FORM))
    before = LOG.level
    LOG.setLevel(min(handler.level, before or handler.level))
    LOG.addHandler(handler)

    def end() -> None:
        LOG.removeHandler(handler)
        LOG.setLevel(before)
        handler.close()

    return end


def _handler(where: str | os.PathLike[str] | TextIO | None) -> logging.Handler:
    if where is None or not isinstance(where, str | os.PathLike):
        return logging.StreamHandler(where or sys.stderr)
    path = os.fspath(where)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return logging.FileHandler(path, encoding="utf-8")
    except OSError as problem:
        raise ConfigurationError(f"the log {path} cannot be written: {problem.strerror}") from None
