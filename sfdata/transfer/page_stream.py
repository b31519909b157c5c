"""The pages of one query in order: asked for ahead of time, each proved to follow the one before.

The next page's address stands at the head of a page, so it is asked for as soon as it can be read, while the rest of
the page still downloads and decodes. At most `AHEAD` pages are under way or waiting to be taken.

With ``parallel`` pages are asked for by offset before their address is known. Nothing documents the offset in an
address, so each such page must name the very next one; the first that does not sends the stream back to asking in turn.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Self

from sfdata.errors import IncompleteResult, SalesforceError
from sfdata.frames.decode import Page
from sfdata.stop import Stop, Stopped, awaited, look
from sfdata.transport.messages import Watch

AHEAD = 3
HEAD_BYTES = 4096

_NEXT_URL = re.compile(rb'"nextRecordsUrl"\s*:\s*"([^"\\]+)"')
_TOTAL = re.compile(rb'"totalSize"\s*:\s*(\d+)')
_OFFSET = re.compile(r"(.+-)([1-9]\d*)")

Fetch = Callable[[str | None, Watch], Page]
"""Asks for the page at an address (None: the first), lets it be watched while it arrives, and decodes it."""
HoldBack = Callable[[int, int | None], bool]
"""Whether the second page should wait until it is wanted, by the rows in all and those of the first page, if known."""


class Course:
    """The way from page to page: each unfinished one names the next, and none comes twice."""

    def __init__(self, total: int = 0) -> None:
        self.total = total
        self._seen: set[str] = set()

    def after(self, page: Page, rows: int) -> str:
        """The address behind an unfinished page, the last one of ``rows`` rows so far.

        Raises:
            IncompleteResult: it leads nowhere, or back.
        """
        url = page.next_url
        if url is None:
            problem = "names no next page"
        elif url in self._seen:
            problem = "names a page that was read already"
        elif not len(page.records):
            problem = "is empty"
        else:
            self._seen.add(url)
            return url
        message = f"after {rows} of {self.total} rows, an unfinished page {problem}"
        raise IncompleteResult(message, expected=self.total, received=rows)


@dataclass(eq=False, slots=True)
class _Asked:
    """A page that has been asked for."""

    url: str | None
    early: bool
    """Asked for before the page that names it was complete."""
    answer: Future[Page]


class PageStream:
    """Asks for the first page at once; iterate over it, once, and `close` it to give up what is still under way.

    Args:
        fetch: brings a page; called on other threads.
        ahead: False asks for a page only when it is wanted.
        parallel: pages under way at a time, by offset where more than one.
        hold_back: asked when the first page tells its rows. True leaves the others for when they are wanted: somebody
            may decide against them.

    Attributes:
        rows: how many the pages taken so far have, of the ``total`` that the first one announces.
        held_back: no page but the first has been asked for, and that is the one taken.
    """

    def __init__(
        self, fetch: Fetch, ahead: bool = True, parallel: int = 1, hold_back: HoldBack = lambda total, rows: False
    ) -> None:
        self._fetch = fetch
        self._parallel = parallel if ahead else 1
        self._limit = max(AHEAD, parallel) if ahead else 0
        self._hold_back = hold_back
        self._pool = ThreadPoolExecutor(max(AHEAD, parallel), thread_name_prefix="sfdata page")
        self._lock = threading.RLock()
        self._asked: deque[_Asked] = deque()
        self._last: _Asked | None = None
        self._following: Iterator[str] = iter(())
        """Addresses that are known and not asked for yet: one read early, or all by their offsets."""
        self._course = Course()
        self._stop = Stop()
        self.rows = 0
        self.total = 0
        self.held_back = False
        try:
            self._ask(None)
        except BaseException:  # Ctrl-C while the thread begins: nobody has the stream, to close it
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Page]:
        """The pages.

        Raises:
            IncompleteResult: an unfinished page names no next one, or one that was read already.
            SalesforceError: what ``fetch`` raises.
        """
        while True:
            page = self._next()
            following = None if page.done else self._course.after(page, self.rows)
            wanted_first = self.held_back or not self._limit
            if following and not wanted_first:
                self._continue(following)
            yield page
            if following is None:
                return
            self.held_back = False
            if wanted_first:
                self._continue(following)

    def close(self) -> None:
        """Give up what is under way."""
        with self._lock:
            self._stop.set()
            self._asked.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    # --- taking pages ------------------------------------------------------------------------------------------------

    def _next(self) -> Page:
        with self._lock:
            asked = self._asked.popleft()
        try:
            page = awaited(asked.answer)
            if self._parallel > 1 and asked.early and not self._continuous(asked, page):
                page = self._again(asked)
        except SalesforceError:
            if not asked.early:
                raise
            page = self._again(asked)
        if asked.url is None:
            self.total = self._course.total = page.total_size
            self.held_back = not self._asked and self._hold_back(self.total, len(page.records))
        self.rows += len(page.records)
        return page

    def _again(self, asked: _Asked) -> Page:
        """The same page, asked for now that its turn has come; from here on, one page after the other."""
        self._limit = 0
        self._drop()
        self._ask(asked.url)
        return awaited(self._asked.popleft().answer)

    def _continuous(self, asked: _Asked, page: Page) -> bool:
        """Whether a page asked for by its offset is the one between its neighbours."""
        place = _OFFSET.fullmatch(asked.url or "")
        end = self.rows + len(page.records)
        if place is None or int(place[2]) != self.rows:
            return False
        return end == self.total if page.done else page.next_url == f"{place[1]}{end}"

    # --- asking for pages --------------------------------------------------------------------------------------------

    def _continue(self, url: str) -> None:
        """Make the page at ``url`` the next one to be taken, and ask for more where there is room."""
        if self._asked and self._asked[0].url != url:
            self._drop()
        if not self._asked:
            self._drop()  # the address may be known from the page's head, too
            self._ask(url)
        self._fill()

    def _ask(self, url: str | None, *, early: bool = False) -> None:
        with self._lock:
            if self._stop.is_set:
                raise Stopped
            self._last = _Asked(url, early, Future())
            self._asked.append(self._last)
            self._pool.submit(self._stop.heeding(self._bring), self._last)

    def _bring(self, asked: _Asked) -> None:
        if not asked.answer.set_running_or_notify_cancel():
            return
        try:
            look()  # whoever waits is told, for it may be a thread that is stopped, too
            asked.answer.set_result(self._fetch(asked.url, _Head(self, asked)))
        except BaseException as problem:  # noqa: BLE001 - handed to whoever waits for the page
            asked.answer.set_exception(problem)

    def _fill(self) -> None:
        """Ask for the pages whose addresses are known, as far as there is room."""
        with self._lock:
            room = self._limit - len(self._asked)
            for url in islice(self._following, max(room, 0)):
                self._ask(url, early=True)

    def _drop(self) -> None:
        """Forget the pages asked for, and the addresses known."""
        with self._lock:
            for asked in self._asked:
                asked.answer.cancel()
            self._asked.clear()
            self._last = None
            self._following = iter(())

    def _read_early(self, asked: _Asked, url: str, total: int) -> None:
        """The head of ``asked`` tells the address behind it, while the rest of that page still arrives."""
        with self._lock:
            if not self._limit or self._last is not asked:
                return
            place = _OFFSET.fullmatch(url)
            if asked.url is None and self._hold_back(total, int(place[2]) if place else None):
                return
            if asked.url is None and place is None:
                self._parallel = 1  # nothing to count by
            if self._parallel == 1:
                self._following = iter((url,))
            elif asked.url is None:
                self._following = _by_offset(url, total)
            self._fill()


class _Head:
    """Watches a page arrive until its head has told the address behind it."""

    def __init__(self, stream: PageStream, asked: _Asked) -> None:
        self._stream = stream
        self._asked = asked
        self._head: bytes | None = b""

    def __call__(self, chunk: bytes) -> None:
        look()
        if self._head is None:
            return
        head, records, _ = (self._head + chunk[:HEAD_BYTES]).partition(b'"records"')
        url, total = _NEXT_URL.search(head), _TOTAL.search(head)
        if url and total:
            self._head = None
            self._stream._read_early(self._asked, url[1].decode("ascii", "replace"), int(total[1]))
        else:
            self._head = None if records or len(head) > HEAD_BYTES else head


def _by_offset(url: str, total: int) -> Iterator[str]:
    """The addresses of all pages behind the first, which ``url`` leads away from."""
    place = _OFFSET.fullmatch(url)
    assert place is not None
    size = int(place[2])
    return (f"{place[1]}{offset}" for offset in range(size, total, size))
