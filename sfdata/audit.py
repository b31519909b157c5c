"""The trail of what a connection wrote: a line of JSON for each call that changes records, and two for each push.

    org = sfdata.connect("prod", audit="writes.jsonl")

A line says who (the user's Id, the way of logging in, the account on this machine), where (org, object), what
(operation, Ids of records, how many came to which outcome), when, and by which call: our name for it and the org's own.
Values of fields are not in it, nor those of external ids. The file is its owner's alone, is only added to, and each
line is in it before the write's outcome is told to whoever asked for it.

``outcome`` is of the call: ``done``; ``refused`` or ``not sent``, which changed nothing; ``unknown``, which may have.
Of a push: ``begun``, then ``finished``, ``needs_attention`` or ``stopped``.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from sfdata.auth.exchange import Token
from sfdata.errors import AuditFailed, ConfigurationError
from sfdata.redaction import masked_path
from sfdata.resilience.hooks import Event, PushMoved, WriteDone
from sfdata.resilience.runtime import Runtime

Entry = dict[str, Any]

_DATA = re.compile(r"^/?(?:services/data/)?(?:v[0-9.]+/)?")
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)


class AuditTrail:
    """Writes the trail of one connection; subscribe it to the connection's hooks.

    Args:
        path: of the file, which is made if it is not there.
        org: the host.
        login: how the connection logs in, such as ``"jwt bearer"``.
        token: the token it has, None before the first.

    Raises:
        ConfigurationError: the file cannot be written, is a link, or is not its owner's alone.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        org: str,
        login: str,
        token: Callable[[], Token | None],
        runtime: Runtime | None = None,
    ) -> None:
        self.path = Path(path).expanduser().absolute()
        self._who = {"login": login, "os_user": _os_user(), "process": os.getpid()}
        self._org = org
        self._token = token
        self._runtime = runtime or Runtime()
        self._lock = threading.Lock()
        os.close(self._opened())

    def __call__(self, event: Event) -> None:
        """Write down a write.

        Raises:
            AuditFailed: it was done, or whatever its outcome was, and cannot be written down.
        """
        if isinstance(event, WriteDone):
            self._write(_of_call(event))
        elif isinstance(event, PushMoved):
            self._write(_of_push(event))

    def _write(self, told: Entry) -> None:
        token = self._token()
        where = {"org": self._org, "org_id": token and token.org_id, "user": token and token.user_id}
        entry = {"time": self._runtime.moment().isoformat(timespec="milliseconds"), **where, **self._who, **told}
        entry = {name: value for name, value in entry.items() if value is not None}
        line = f"{json.dumps(entry, ensure_ascii=False)}\n".encode()
        try:
            with self._lock:
                file = self._opened()
                try:
                    written = os.write(file, line)
                finally:
                    os.close(file)
        except (OSError, ConfigurationError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else problem.message
            raise AuditFailed(str(self.path), str(reason), entry) from None
        if written < len(line):
            raise AuditFailed(str(self.path), "the disk is full", entry)

    def _opened(self) -> int:
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
            file = os.open(self.path, flags, 0o600)
        except OSError as problem:
            raise ConfigurationError(f"the audit trail {self.path} cannot be written: {problem.strerror}") from None
        about = os.fstat(file)
        if stat.S_ISREG(about.st_mode) and (os.name != "posix" or not about.st_mode & 0o077):
            return file
        os.close(file)
        raise ConfigurationError(
            f"the audit trail {self.path} is no file of which others know nothing", hint=f"Run: chmod 600 {self.path}"
        )


def _os_user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return None


# --- entries ---------------------------------------------------------------------------------------------------------


def _of_push(event: PushMoved) -> Entry:
    return {
        "operation": event.operation,
        "object": event.object,
        "outcome": event.state,
        "push": event.push,
        "key": event.key,
        "records": event.rows,
        "counts": {name: count for name, count in event.counts.items() if count} if event.counts else None,
        "jobs": list(event.jobs) or None,
        "error": event.error,
    }


def _of_call(event: WriteDone) -> Entry:
    answer = _json(event.answer)
    told = _of_resource(event.method, event.path, event.query, _json(event.body), answer)
    untold = told.pop("untold", False) or (event.answer and answer is None)
    outcome = "unknown" if untold and event.outcome == "done" else event.outcome
    return {
        "operation": event.operation,
        **told,
        "outcome": outcome,
        "status": event.status,
        "error": event.error,
        "error_code": event.error_code or (_reason({"errors": answer}) if event.outcome == "refused" else None),
        "request_id": event.id,
        "correlation_id": event.org_request_id,
    }


def _of_resource(method: str, path: str, query: str, body: Any, answer: Any) -> Entry:
    """What a call to ``path`` was about, and what its answer says of single records."""
    place = _DATA.sub("", path, count=1)
    for pattern, reader in _RESOURCES:
        if found := pattern.fullmatch(place):
            return reader(found.groupdict(), parse_qs(query), body, answer)
    return {"resource": f"{method} {masked_path(path)}"}


def _one_record(where: Mapping[str, str], query: Any, body: Any, answer: Any) -> Entry:
    known = where.get("id")
    answered = _field(answer, "id")
    ids = [one for one in (known or answered,) if isinstance(one, str)]
    return {"object": where["object"], "key": where.get("key"), "records": 1, "ids": ids}


def _collection(where: Mapping[str, str], query: Any, body: Any, answer: Any) -> Entry:
    records = [one for one in _list(_field(body, "records")) if isinstance(one, Mapping)]
    sent = [_field(one, "Id") or _field(one, "id") for one in records]
    sent = sent or ",".join(query.get("ids", [])).split(",")
    objects = {str(_field(_field(one, "attributes"), "type")) for one in records}
    results = [one for one in _list(answer) if isinstance(one, Mapping)]
    ids = [_field(one, "id") for one in results if one.get("success")] if results else sent
    return {
        "object": ", ".join(sorted(objects)) or None,
        "key": where.get("key"),
        "records": len(sent),
        "ids": _texts(ids),
        "counts": dict(Counter("done" if one.get("success") else _reason(one) for one in results)) or None,
        "untold": isinstance(answer, list) and len(results) != len(sent),
    }


def _tree(where: Mapping[str, str], query: Any, body: Any, answer: Any) -> Entry:
    created = [_field(one, "id") for one in _list(_field(answer, "results"))]
    return {"object": where["object"], "records": _nodes(_field(body, "records")), "ids": _texts(created)}


def _composite(where: Mapping[str, str], query: Any, body: Any, answer: Any) -> Entry:
    asked = _list(_field(body, "compositeRequest"))
    graphs = [_list(_field(one, "compositeRequest")) for one in _list(_field(body, "graphs"))]
    told = _list(_field(answer, "compositeResponse"))
    for graph in _list(_field(answer, "graphs")):
        told = [*told, *_list(_field(_field(graph, "graphResponse"), "compositeResponse"))]
    answers = {_field(one, "referenceId"): one for one in told}
    requests = [*asked, *(one for graph in graphs for one in graph)]
    parts = [_part(one, _field(one, "body"), answers.get(_field(one, "referenceId"))) for one in requests]
    return _summed(parts)


def _batch(where: Mapping[str, str], query: Any, body: Any, answer: Any) -> Entry:
    requests, results = _list(_field(body, "batchRequests")), _list(_field(answer, "results"))
    results = results if len(results) == len(requests) else [None] * len(requests)
    told = [{"httpStatusCode": _field(one, "statusCode"), "body": _field(one, "result")} for one in results]
    return _summed([_part(one, _field(one, "richInput"), told[n]) for n, one in enumerate(requests)])


def _ingest(where: Mapping[str, str], query: Any, body: Any, answer: Any) -> Entry:
    told = {"object": _field(answer, "object"), "job_operation": _field(answer, "operation")}
    return {**told, "job": where["job"], "state": _field(body, "state")}


_OBJECT, _RECORD = r"(?P<object>\w+)", r"(?P<id>[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?)"
_RESOURCES: tuple[tuple[re.Pattern[str], Callable[[Mapping[str, str], Any, Any, Any], Entry]], ...] = tuple(
    (re.compile(pattern), reader)
    for pattern, reader in (
        (rf"sobjects/{_OBJECT}/?", _one_record),
        (rf"sobjects/{_OBJECT}/{_RECORD}", _one_record),
        (rf"sobjects/{_OBJECT}/(?P<key>\w+)/[^/]+", _one_record),
        (r"composite/sobjects(?:/\w+/(?P<key>\w+))?", _collection),
        (rf"composite/tree/{_OBJECT}", _tree),
        (r"composite(?:/graph)?", _composite),
        (r"composite/batch", _batch),
        (r"jobs/ingest/(?P<job>\w+)", _ingest),
    )
)


# --- parts of calls --------------------------------------------------------------------------------------------------


def _part(request: Any, body: Any, told: Any) -> Entry | None:
    """One request of a composite, unless it only reads."""
    method, url = str(_field(request, "method")), str(_field(request, "url") or "")
    if method == "GET":
        return None
    path, _, query = url.partition("?")
    status = _field(told, "httpStatusCode")
    answer = _field(told, "body")
    about = _of_resource(method, path, query, body, answer if isinstance(status, int) and status < 300 else None)
    about.pop("untold", None)
    outcome = ("done" if status < 300 else _reason({"errors": answer})) if isinstance(status, int) else "unknown"
    return {"method": method, **{name: value for name, value in about.items() if value}, "outcome": outcome}


def _summed(parts: Iterable[Entry | None]) -> Entry:
    writes = [one for one in parts if one is not None]
    objects = sorted({one["object"] for one in writes if one.get("object")})
    return {
        "object": ", ".join(objects) or None,
        "records": sum(one.get("records", 1) for one in writes),
        "ids": [record for one in writes if one["outcome"] == "done" for record in one.get("ids", [])],
        "counts": dict(Counter(one["outcome"] for one in writes)),
        "requests": writes,
    }


def _reason(result: Mapping[str, Any]) -> str:
    """Why a record was not written: the org's code for it."""
    first = next(iter(_list(result.get("errors"))), None)
    return str(_field(first, "statusCode") or _field(first, "errorCode") or "failed")


def _nodes(records: Any) -> int:
    """How many records there are in trees of them."""
    children = (value.get("records") for one in _list(records) for value in _values(one) if isinstance(value, Mapping))
    return len(_list(records)) + sum(map(_nodes, children))


def _json(content: bytes | None) -> Any:
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return None


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else ()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(values: Iterable[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str) and _ID.fullmatch(value)]
