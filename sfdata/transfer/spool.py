"""The spool of a read: the pages of a query job on disk, as they came, until the rows have been handed over.

A page is written beside its place and moved there when it is complete, so what stands there is whole, and an
interrupted read goes on with what it has. Whoever resumes knows the job by its Id alone: the query and the org it was
sent to are on disk, too. No secret is.

    reads/750…/read.json         what the read is of
               lock              held while somebody reads
               page-00000        a page as it came, compressed or not
               page-00000.json   which one it is and what was told of it; without this, the page is not there
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import IO, Any

from sfdata.errors import ConfigurationError, SpoolFailed
from sfdata.state import locked, state_folder
from sfdata.stop import look
from sfdata.transport.bodies import BodyReader

CHUNK_BYTES = 1 << 16
KEPT_SECONDS = 7 * 86_400
"""An org keeps results for seven days; a spool that is older is of no use."""
MOST_BYTES = 1 << 40
"""A page is read piece by piece, so it may be larger than other answers."""
_WRITES = count()


@dataclass(frozen=True, slots=True)
class SpooledRead:
    """What a read is of: ``org`` is the instance URL it goes to, ``rows`` how many there are, once that is known."""

    job: str
    org: str
    api_version: str
    query: str
    all_rows: bool
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class SpooledPage:
    """A page on disk.

    Attributes:
        number: from 0.
        url: where it came from.
        path: its bytes as they came; ``coding`` is how they are compressed, empty where they are not.
        rows: how many the org says it has; None where it did not.
        locator: where the page behind it is; None where that was not told.
    """

    number: int
    url: str
    path: Path
    coding: str
    rows: int | None
    locator: str | None

    def chunks(self) -> Iterator[bytes]:
        """The page's decoded bytes.

        Raises:
            BodyCut, BodyUnreadable: they are not all there, or damaged.
        """
        body = BodyReader({"content-encoding": self.coding}, MOST_BYTES)
        with self.path.open("rb") as file:
            while raw := file.read(CHUNK_BYTES):
                yield body.feed(raw)
        body.finish()


class Spool:
    """The spool of one job, in a folder of its own."""

    def __init__(self, read: SpooledRead) -> None:
        self.read = read
        self.folder = _root() / read.job

    @staticmethod
    def refuse_homeless() -> None:
        """Refuse to begin a read whose pages could not be kept.

        Raises:
            ConfigurationError: the state folder cannot be made.
        """
        _root()

    @classmethod
    def new(cls, read: SpooledRead) -> Spool:
        """A spool for a job that was just made; those that are of no use any more are swept away.

        Raises:
            SpoolFailed: the disk does not take it.
        """
        with suppress(OSError):
            _sweep(_root())
        spool = cls(read)
        spool.prepare()
        return spool

    @classmethod
    def open(cls, job_id: str) -> Spool:
        """The spool of a job that was read here before; 15 characters of the Id suffice.

        Raises:
            ConfigurationError: there is none.
        """
        found = [folder.name for folder in _root().iterdir() if job_id in (folder.name, folder.name[:15])]
        with suppress(OSError, ValueError, TypeError, IndexError):
            return cls(SpooledRead(**json.loads((_root() / found[0] / "read.json").read_text("utf-8"))))
        raise ConfigurationError(
            f"nothing is known here of a read by the job {job_id!r}",
            hint="Reads are kept where they were begun, and no longer than an org keeps results: seven days.",
        )

    def prepare(self) -> None:
        """Make the folder, and write down what the read is of."""
        with self.disk_faults("be made"):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            _write(self.folder / "read.json", asdict(self.read), durably=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes, and other readings of this one, away from the spool.

        Raises:
            ConfigurationError: somebody else holds it.
            SpoolFailed: the disk does not let it be held.
        """
        if not (self.folder / "read.json").is_file():
            self.prepare()
        with self.disk_faults("be held"):
            lock = _create(self.folder / "lock")
        with lock as file:
            if not locked(file):
                raise ConfigurationError(
                    f"the job {self.read.job} is being read already, here or by another process",
                    hint="Let that reading come to its end, or stop it.",
                )
            with self.disk_faults("be tidied"):
                for partial in self.folder.glob("*.part"):
                    partial.unlink(missing_ok=True)
            yield
        if not (self.folder / "read.json").exists():  # what Windows does not take away while it is open
            self.remove()

    def count(self, rows: int) -> None:
        """Write down how many rows there are."""
        if rows != self.read.rows:
            self.read = replace(self.read, rows=rows)
            self.prepare()

    def complete(self) -> list[SpooledPage]:
        """All pages, in order, where their rows are as many as there are; none where a page may be missing."""
        pages, number = [], 0
        while page := self.page(number):
            pages.append(page)
            number += 1
        return pages if sum(page.rows or 0 for page in pages) == self.read.rows else []

    def page(self, number: int, url: str | None = None) -> SpooledPage | None:
        """Page ``number``, from 0, if it is here as a whole, and is the one that was at ``url``."""
        path = self._path(number)
        try:
            told = json.loads(path.with_suffix(".json").read_text("utf-8"))
            if told.pop("bytes") == path.stat().st_size and url in (None, told["url"]):
                return SpooledPage(number, path=path, **told)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass  # not there, or torn
        return None

    def file(self, number: int, url: str) -> PageFile:
        """Where page ``number``, which is at ``url``, can be written."""
        return PageFile(self, number, url, self._path(number))

    def forget(self, page: SpooledPage) -> None:
        """Take away a page that is no good, so that it is fetched again."""
        with self.disk_faults("be tidied"):
            for path in (page.path.with_suffix(".json"), page.path):
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Take away everything: the rows have been handed over."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def disk_faults(self, what: str) -> Iterator[None]:
        """Turn what the disk refuses into what the reader can do about it: ``the spool cannot be written``."""
        try:
            yield
        except OSError as problem:
            safe = len(list(self.folder.glob("page-*.json")))
            reason = problem.strerror or str(problem)
            failure = SpoolFailed(self.read.job, safe, f"the spool {self.folder} cannot {what}: {reason}")
        else:
            return
        raise failure

    def _path(self, number: int) -> Path:
        return self.folder / f"page-{number:05}"


class PageFile:
    """A sink for one page. What is not kept is gone when it is closed."""

    def __init__(self, spool: Spool, number: int, url: str, path: Path) -> None:
        self._spool = spool
        self._number = number
        self._url = url
        self._path = path
        # One that was stopped may still be taking its file away when the next begins.
        self._unkept = path.with_suffix(f".{next(_WRITES)}.part")
        self._file: IO[bytes] | None = None
        self._coding = ""

    def restart(self, headers: Mapping[str, str]) -> None:
        self.close()
        self._coding = headers.get("content-encoding", "")
        with self._spool.disk_faults("be written"):
            self._file = _create(self._unkept)

    def write(self, raw: bytes, /) -> None:
        assert self._file is not None
        look()
        with self._spool.disk_faults("be written"):
            self._file.write(raw)

    def keep(self, rows: int | None, locator: str | None) -> SpooledPage:
        """The page is complete: put it in its place."""
        assert self._file is not None
        look()
        page = SpooledPage(self._number, self._url, self._path, self._coding, rows, locator)
        about = asdict(page) | {"bytes": self._file.tell()}
        del about["number"], about["path"]
        with self._spool.disk_faults("be written"):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._unkept.replace(self._path)
            _write(self._path.with_suffix(".json"), about)
        return page

    def close(self) -> None:
        """Give back the file, and its room on the disk if it was not kept."""
        if self._file is not None:
            with suppress(OSError):  # what could not be written has been told
                self._file.close()
            with suppress(OSError):  # whoever holds the spool next takes it away
                self._unkept.unlink(missing_ok=True)
            self._file = None


def _root() -> Path:
    try:
        return state_folder("reads")
    except OSError as problem:
        fault = ConfigurationError(
            f"there is no place for the pages of a read: {problem.filename}: {problem.strerror}",
            hint="SFDATA_HOME names another one.",
        )
    raise fault


def _create(path: Path) -> IO[bytes]:
    """A new file that only its owner can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _write(path: Path, about: Mapping[str, Any], *, durably: bool = False) -> None:
    """Write it as a whole or not at all; ``durably`` where nothing else can tell it again after a power cut."""
    partial = path.with_suffix(".tmp")
    with _create(partial) as file:
        file.write(json.dumps(dict(about), ensure_ascii=False).encode())
        if durably:
            file.flush()
            os.fsync(file.fileno())
    partial.replace(path)


def _sweep(root: Path) -> None:
    """Take away spools whose results the org has deleted by now, unless somebody reads them."""
    for folder in root.iterdir():
        with suppress(OSError):
            if time.time() - (folder / "read.json").stat().st_mtime > KEPT_SECONDS:
                with _create(folder / "lock") as file:
                    if locked(file):
                        shutil.rmtree(folder)
