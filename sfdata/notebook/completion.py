"""Tab in ``%sf`` and ``%%soql``: commands, options and connections, and the objects and fields that the org has.

What the org has is asked for in the background, once for each object, by the connection that queries go to; nothing is
connected for it. Tab waits a moment at most, and whoever presses it again finds what has come meanwhile.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from IPython.core.completer import CompletionContext, SimpleCompletion, context_matcher

from sfdata.config import profile_names
from sfdata.notebook.options import ARGUMENTS, split_line

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sfdata.metadata import ObjectDescribe
    from sfdata.notebook.session import Session
    from sfdata.org import Org

PATIENCE_SECONDS = 0.4
"""How long Tab waits for an org."""

_SF = re.compile(r"\s*(?:\w+\s*=\s*)?%sf\s+(?P<given>.*)$")
_LINE = re.compile(r"\s*(?:\w+\s*=\s*)?%soql\s(?P<given>.*)$")
_CELL = re.compile(r"\s*%%soql\b(?P<options>[^\n]*)(?P<query>\n.*)?$", re.DOTALL)
_NAMED = frozenset({"connect", "use", "disconnect", "forget"})
_SELECT = re.compile(r"\s*SELECT\b", re.IGNORECASE)
_AT_SOURCE = re.compile(r"\bFROM\s+$", re.IGNORECASE)
_SOURCE = re.compile(r"\bFROM\s+([A-Za-z]\w*)", re.IGNORECASE)
_NESTED = re.compile(r"\([^()]*\)")


class Completions:
    """What Tab offers in the magics of one shell."""

    def __init__(self, shell: InteractiveShell, session: Session, commands: Iterable[str]) -> None:
        self._shell = shell
        self._session = session
        self._commands = tuple(commands)
        self._answers: WeakKeyDictionary[Org, dict[str | None, Future[Any]]] = WeakKeyDictionary()
        self._matcher = context_matcher(identifier="sfdata")(lambda context: self._matched(context))

    def install(self) -> None:
        """Offer them in the shell; where there is something to offer, nothing else is."""
        self._shell.Completer.custom_matchers.append(self._matcher)

    def uninstall(self) -> None:
        """Leave Tab to IPython again."""
        self._shell.Completer.custom_matchers.remove(self._matcher)

    def _matched(self, context: CompletionContext) -> dict[str, Any]:
        lines = context.full_text.split("\n")
        before = "\n".join([*lines[: context.cursor_line], context.text_until_cursor])
        begun = re.search(r"[\w.%-]*$", before)
        token = begun[0] if begun else ""
        known = len(context.token) if token.endswith(context.token) else 0
        offered = self.offered(before[: len(before) - len(token)], context.full_text[len(before) :], token)
        fitting = [word for word in offered if word.casefold().startswith(token.casefold())]
        found = [SimpleCompletion(word[len(token) - known :]) for word in dict.fromkeys(fitting)]
        return {"completions": found, "suppress": bool(found)}

    def offered(self, before: str, after: str, token: str) -> Iterator[str]:
        """What may stand between ``before`` and ``after``, where ``token`` has been typed."""
        line = before.rpartition("\n")[2]
        if sf := _SF.match(line):
            yield from self._arguments(sf["given"].split())
        elif cell := _CELL.match(before):
            if cell["query"] is None:
                yield from self._options(cell["options"].split())
            else:
                yield from self._query(cell["query"], after, token)
        elif one := _LINE.match(line):
            options, query = split_line(one["given"])
            if query:
                yield from self._query(query, after.partition("\n")[0], token)
            else:
                yield from self._options(options.split())

    # --- commands and options ----------------------------------------------------------------------------------------

    def _arguments(self, given: list[str]) -> Iterable[str]:
        if not given:
            return self._commands
        if given == ["describe"]:
            return self._objects()
        if given == ["traceback"]:
            return ("on", "off")
        return self._names() if len(given) == 1 and given[0] in _NAMED else ()

    def _options(self, given: list[str]) -> Iterable[str]:
        settings = {flag: how for flags, how in ARGUMENTS for flag in flags if flag.startswith("--")}
        last = settings.get(given[-1], {}) if given else {}
        if given and given[-1] == "--org":
            return self._names()
        return last.get("choices") or settings

    def _names(self) -> list[str]:
        return ["local", *self._session.orgs, *profile_names()]

    # --- queries -----------------------------------------------------------------------------------------------------

    def _query(self, before: str, after: str, token: str) -> Iterable[str]:
        outer, inner = _innermost(before)
        at_source = _AT_SOURCE.search(inner)
        if not outer or re.search(r"\bIN\s*$", outer, re.IGNORECASE):
            return self._objects() if at_source else self._fields(self._described(_source(inner, after)), token)
        parent = self._described(_source(outer, after.partition(")")[2]))
        if parent is None:
            return []
        if at_source:
            return [one["relationshipName"] or "" for one in parent.get("childRelationships") or ()]
        child = parent.child(_source(inner, after) or "")
        return self._fields(self._described(child.object), token) if child else []

    def _objects(self) -> list[str]:
        everything = self._asked(None)
        return [] if everything is None else list(everything["name"])

    def _fields(self, described: ObjectDescribe | None, token: str) -> Iterator[str]:
        """The fields of an object, or of the parent that the beginning of a path leads to."""
        path, dot, _ = token.rpartition(".")
        for relationship in path.split(".") if dot else ():
            reference = described.parent(relationship) if described else None
            described = self._described(reference.reference_to[-1]) if reference and reference.reference_to else None
        for field in described.fields if described else ():
            yield f"{path}{dot}{field.name}"
            if field.relationship_name:
                yield f"{path}{dot}{field.relationship_name}."

    def _described(self, name: str | None) -> ObjectDescribe | None:
        described: ObjectDescribe | None = None if name is None else self._asked(name)
        return described

    def _asked(self, name: str | None) -> Any:
        """What the org says of an object, or of all; None where it has not answered yet, or not well."""
        org = self._session.current
        if org is None or org.closed:
            return None
        answers = self._answers.setdefault(org, {})
        if name not in answers:
            answers[name] = Future()
            threading.Thread(target=_describe, args=(org, name, answers[name]), name="sfdata Tab", daemon=True).start()
        wait([answer := answers[name]], PATIENCE_SECONDS)
        if not answer.done():
            return None
        if answer.exception():  # which the query will tell
            del answers[name]
            return None
        return answer.result()


def _describe(org: Org, name: str | None, answer: Future[Any]) -> None:
    try:
        answer.set_result(org.describe(name) if name else org.describe())
    except Exception as problem:  # noqa: BLE001 - told to whoever waits
        answer.set_exception(problem)


def _innermost(text: str) -> tuple[str, str]:
    """The query that ``text`` ends in, and what stands before its parenthesis; nothing where it has none."""
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        depth += {"(": -1, ")": 1}.get(text[place], 0)
        if depth < 0:
            if _SELECT.match(text, place + 1):
                return text[:place], text[place + 1 :]
            depth = 0
    return "", text


def _source(before: str, after: str) -> str | None:
    """The object that a query is about, of which ``before`` stands on one side of the cursor, and ``after`` behind."""
    text = f"{before} {after}"
    while (flat := _NESTED.sub(" ", text)) != text:
        text = flat
    found = _SOURCE.search(text.partition(")")[0])
    return found[1] if found else None
