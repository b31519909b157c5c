"""The spool of a read: the pages of a query job on disk, as they came, until the rows have been handed over.

A page is written beside its place and moved there when it is complete, so what stands there is whole, and an
interrupted read goes on with what it has. Whoever resumes knows the job by its Id alone: the query and the org it was
sent to are on disk, too. No secret is.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from sfdata.errors import ConfigurationError, SpoolFailed
from sfdata.transfer.state import state_folder
from sfdata.transport.bodies import BodyReader

CHUNK_BYTES = 1 << 18
KEPT_SECONDS = 7 * 86_400
"""An org keeps results for seven days; a spool that is older is of no use."""
MOST_BYTES = 1 << 40


@dataclass(frozen=True, slots=True)
class SpooledRead:
    """What a read is of. ``org`` is the instance URL it goes to."""

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
        path: its bytes as they came; ``coding`` is ``gzip`` or empty.
        rows: how many the org says it has; None where it did not.
        locator: where the page behind it is; None where that was not told.
    """

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
    """The spool of one job, in a folder of its own.

    Args:
        read: what the read is of.
        folder: where spools live.
    """

    def __init__(self, read: SpooledRead, folder: Path) -> None:
        self.read = read
        self.folder = folder / read.job

    @classmethod
    def new(cls, read: SpooledRead) -> Spool:
        """A spool for a job that was just made; those that are of no use any more are swept away."""
        root = _root()
        _sweep(root)
        spool = cls(read, root)
        with _told(spool, "be made"):
            spool.folder.mkdir(mode=0o700, exist_ok=True)
            _write(spool.folder / "read.json", asdict(read))
        return spool

    @classmethod
    def open(cls, job_id: str) -> Spool:
        """The spool of a job that was read here before.

        Raises:
            ConfigurationError: there is none.
        """
        path = _root() / job_id / "read.json"
        if not job_id.isalnum() or not path.is_file():
            raise ConfigurationError(f"nothing is known here of a read by the job {job_id!r}")
        return cls(SpooledRead(**json.loads(path.read_text("utf-8"))), _root())

    def page(self, number: int) -> SpooledPage | None:
        """Page ``number``, from 0, if it is here as a whole."""
        path = self.folder / f"page-{number:05}"
        told = path.with_suffix(".json")
        if not path.is_file() or not told.is_file():
            return None
        about = json.loads(told.read_text("utf-8"))
        return SpooledPage(path, about["coding"], about["rows"], about["locator"])

    def file(self, number: int) -> PageFile:
        """Where page ``number`` can be written."""
        return PageFile(self, number)

    def forget(self, page: SpooledPage) -> None:
        """Take away a page that is no good, so that it is fetched again."""
        for path in (page.path.with_suffix(".json"), page.path):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Take away everything: the rows have been handed over."""
        shutil.rmtree(self.folder, ignore_errors=True)


class PageFile:
    """A sink for one page."""

    def __init__(self, spool: Spool, number: int) -> None:
        self._spool = spool
        self._path = spool.folder / f"page-{number:05}"
        self._file: IO[bytes] | None = None
        self._coding = ""

    def restart(self, headers: Mapping[str, str]) -> None:
        self.close()
        coding = headers.get("content-encoding", "").strip().lower()
        self._coding = "gzip" if coding == "x-gzip" else coding
        with _told(self._spool, "be written"):
            self._file = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")

    def write(self, raw: bytes, /) -> None:
        assert self._file is not None
        with _told(self._spool, "be written"):
            self._file.write(raw)

    def keep(self, rows: int | None, locator: str | None) -> SpooledPage:
        """The page is complete: put it in its place."""
        assert self._file is not None
        with _told(self._spool, "be kept"):
            self._file.flush()
            os.fsync(self._file.fileno())
            self.close()
            self._part.replace(self._path)
            about = {"coding": self._coding, "rows": rows, "locator": locator}
            _write(self._path.with_suffix(".json"), about)
        return SpooledPage(self._path, self._coding, rows, locator)

    def close(self) -> None:
        """Give the file back, complete or not."""
        if self._file is not None:
            with suppress(OSError):  # what could not be written has been told
                self._file.close()
            self._file = None

    @property
    def _part(self) -> Path:
        return self._path.with_suffix(".part")


class _told:  # noqa: N801 - reads as a phrase
    """Turns what the disk says into what the reader can do about it."""

    def __init__(self, spool: Spool, what: str) -> None:
        self._spool = spool
        self._what = what

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, problem: BaseException | None, traceback: object) -> None:
        if isinstance(problem, OSError):
            safe = len(list(self._spool.folder.glob("page-*.json")))
            reason = problem.strerror or str(problem)
            raise SpoolFailed(self._spool.read.job, safe, f"the spool cannot {self._what}: {reason}") from None


def _root() -> Path:
    return state_folder("reads")


def _write(path: Path, about: Mapping[str, Any]) -> None:
    partial = path.with_suffix(".tmp")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(dict(about), file)
    partial.replace(path)


def _sweep(root: Path) -> None:
    for folder in root.iterdir():
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(folder)
