"""One driver at a time: whoever takes a push further holds a lock on its folder, which ends with the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sfdata.errors import PushUnderWay

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def driving(folder: Path) -> Iterator[None]:
    """Hold the push whose folder this is.

    Raises:
        PushUnderWay: somebody else holds it: another process, or another thread of this one.
    """
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            _lock(file)
        except OSError:
            raise PushUnderWay(folder.name) from None
        yield
    finally:
        os.close(file)
