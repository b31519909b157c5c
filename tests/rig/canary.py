"""A watch over the whole run: every secret that a client holds, looked for in all that the run brings forth.

Whatever becomes a `Secret` while tests run is noted: tokens that local orgs issue, client secrets, refresh tokens,
keys. They are unique to the run. None of them may turn up, plain, as in a URL or in base64, in

- what a test or its fixtures print, and what a failure shows;
- the errors that tests expect, with their causes;
- what is logged at DEBUG, by us or by the libraries below us (of every `SAMPLE`-th test, for the time it takes);
- the files below the run's temporary folder: homes, journals, spools, trails, logs, notebooks;
- the folder that sfdata keeps its state in where no home is set.

A test that plants secrets itself, to see them masked, has them in its source, and those are not looked for.
"""

from __future__ import annotations

import base64
import gzip
import logging
import os
import re
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import platformdirs
import pytest

from sfdata.errors import SalesforceError
from sfdata.secret import Secret

TESTS = Path(__file__).parents[1]
SHORTEST = 20
"""Characters; what is shorter may turn up by chance, or is a test's own."""
WINDOW = 16
SAMPLE = 10
LARGEST_BYTES = 1 << 20
"""What is looked at of a file, from its beginning."""
CONFIDENTIAL = frozenset({"profiles.toml", "server.key"})
"""Files whose purpose is to hold a secret, as users, or a server, write it there."""
LOGGERS = ("sfdata", "httpx", "httpcore")
_WORDS = re.compile(rb"[\w.!~%%+/=-]{%d,}" % WINDOW)


class Canaries:
    """The secrets of a run, and the places where one was found."""

    def __init__(self, sources: Path) -> None:
        self.secrets: set[str] = set()
        self.found: set[str] = set()
        self.looked_at = 0
        self.seconds = 0.0
        self._windows: dict[bytes, bytes] = {}
        self._sources = "\n".join(path.read_text("utf-8") for path in sources.rglob("*.py"))
        self._waiting: list[str] = []

    def note(self, value: str) -> None:
        """A secret was made."""
        if len(value) >= SHORTEST and value not in self.secrets:
            self.secrets.add(value)
            self._waiting.append(value)

    def look(self, place: str, content: bytes | str) -> None:
        """Look for all that are known by now."""
        began = time.perf_counter()
        content = content.encode("utf-8", "replace") if isinstance(content, str) else content
        self.looked_at += len(content)
        self._prepare()
        for word in _WORDS.findall(content):
            for at in range(len(word) - WINDOW + 1):
                form = self._windows.get(word[at : at + WINDOW])
                if form is not None and word[at : at + len(form)] == form:
                    self.found.add(place)
        self.seconds += time.perf_counter() - began

    def _prepare(self) -> None:
        for value in self._waiting:
            if value not in self._sources:
                for form in forms(value):
                    self._windows[form[:WINDOW]] = form
        self._waiting.clear()


def forms(value: str) -> Iterator[bytes]:
    """How a secret may be written."""
    plain = value.encode()
    texts = {plain, quote(value, safe="").encode(), quote_plus(value).encode()}
    for before in range(3):  # base64 writes three bytes as four characters, so it depends on what stands before
        packed = base64.b64encode(b"x" * before + plain).rstrip(b"=")
        inner = packed[4 if before else 0 : -1]
        texts |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    for text in texts:
        yield from (word for word in _WORDS.findall(text) if len(word) >= WINDOW)


class Watch:
    """The plugin."""

    def __init__(self, sources: Path) -> None:
        self.canaries = Canaries(sources)
        self._listener = _Listener(self.canaries)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        if zlib.crc32(item.nodeid.encode()) % SAMPLE:
            return (yield)
        loggers = [logging.getLogger(name) for name in LOGGERS]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.addHandler(self._listener)
            logger.setLevel(logging.DEBUG)
        try:
            return (yield)
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.removeHandler(self._listener)
                logger.setLevel(level)
            self._listener.hand_over(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for _, text in report.sections:
            self.canaries.look(f"output of {report.nodeid}", text)
        if report.longrepr is not None:
            self.canaries.look(f"failure of {report.nodeid}", str(report.longrepr))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        basetemp = session.config._tmp_path_factory._basetemp  # type: ignore[attr-defined]
        for root in (basetemp, platformdirs.user_state_path("sfdata")):
            if root is not None and root.is_dir():
                self._look_below(root)
        one = self.canaries
        if hasattr(session.config, "workeroutput"):  # one process of several, which tells the first
            session.config.workeroutput["canaries"] = [
                sorted(one.found),
                sorted(one.secrets),
                one.looked_at,
                one.seconds,
            ]
        if one.found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A process that ran some of the tests has ended."""
        found, secrets, looked_at, seconds = getattr(node, "workeroutput", {}).get("canaries", ((), (), 0, 0.0))
        self.canaries.found.update(found)
        self.canaries.secrets.update(secrets)
        self.canaries.looked_at += looked_at
        self.canaries.seconds += seconds

    def _look_below(self, root: Path) -> None:
        # Other runs clear away folders of this one that are old; os.walk passes over what is gone.
        for path in (Path(folder, name) for folder, _, names in os.walk(root) for name in names):
            try:
                if path.is_symlink() or not path.is_file() or path.name in CONFIDENTIAL:
                    continue
                with path.open("rb") as file:
                    content = file.read(LARGEST_BYTES)
                if content[:2] == b"\x1f\x8b":
                    content = gzip.decompress(content)
            except (OSError, EOFError, zlib.error):
                continue  # a test made it so
            self.canaries.look(f"file {path}", content)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        one = self.canaries
        about = (
            f"{len(one.secrets):,} secrets in {one.looked_at / 1e6:,.1f} MB of output and files, {one.seconds:.1f} s"
        )
        if not one.found:
            terminalreporter.write_line(f"no secret was found: {about}")
            return
        terminalreporter.section("SECRETS WERE FOUND", red=True)
        for place in sorted(one.found):
            terminalreporter.write_line(place)
        terminalreporter.write_line(about)


class _Listener(logging.Handler):
    """Keeps all that a record can be made to show until the test is over."""

    def __init__(self, canaries: Canaries) -> None:
        super().__init__(logging.DEBUG)
        self._canaries = canaries
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        extra = {name: value for name, value in vars(record).items() if name not in ("msg", "exc_info")}
        self._lines.append(f"{record.getMessage()} {extra} {record.exc_info and record.exc_info[1]!r}")

    def handleError(self, record: logging.LogRecord) -> None:
        """A record that cannot be shown is its test's own."""

    def hand_over(self, nodeid: str) -> None:
        lines, self._lines = self._lines, []
        self._canaries.look(f"log of {nodeid}", "\n".join(lines))


def told_by(problem: BaseException | None) -> Iterator[str]:
    """What an error and those behind it say of themselves."""
    seen: set[int] = set()
    todo = [problem]
    while todo:
        one = todo.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield from (str(one), repr(one.args), repr(vars(one)))
            todo += [one.__cause__, one.__context__]


def watch(config: pytest.Config, sources: Path = TESTS) -> None:
    """Begin."""
    if config.pluginmanager.has_plugin("canaries"):
        return
    plugin = Watch(sources)
    config.pluginmanager.register(plugin, "canaries")
    made, expected = Secret.__init__, pytest.RaisesExc.__exit__

    def noted(self: Secret, value: str) -> None:
        made(self, value)
        plugin.canaries.note(value)

    def looked_at(self: Any, kind: Any, problem: Any, traceback: Any) -> Any:
        if isinstance(problem, SalesforceError):
            plugin.canaries.look("an error that a test expects", "\n".join(told_by(problem)))
        return expected(self, kind, problem, traceback)

    Secret.__init__ = noted  # type: ignore[method-assign]
    pytest.RaisesExc.__exit__ = looked_at  # type: ignore[method-assign]

    def end() -> None:
        Secret.__init__ = made  # type: ignore[method-assign]
        pytest.RaisesExc.__exit__ = expected  # type: ignore[method-assign]

    config.add_cleanup(end)
