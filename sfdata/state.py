"""Where sfdata keeps what must survive the process, and how files there are written, read and held.

All of it is its owner's alone. Whole files appear at once or not at all, and a lock ends with the process that holds
it, however that ends.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

import platformdirs

LOCK_PAUSE_SECONDS = 0.02
"""Between two looks at a lock that somebody else holds."""


class HeldElsewhere(Exception):
    """Another process, or another thread, holds a lock."""


def state_path(*parts: str) -> Path:
    """The place below ``$SFDATA_HOME``, else below the user's state directory, be there anything or not."""
    home = os.environ.get("SFDATA_HOME")
    root = Path(home).expanduser() if home else Path(platformdirs.user_state_path("sfdata"))
    return root.joinpath(*parts)


def state_folder(*parts: str) -> Path:
    """The folder at `state_path`; made, and its owner's alone.

    Raises:
        OSError: it cannot be made.
    """
    root, folder = state_path(), state_path(*parts)
    for each in [*reversed(folder.relative_to(root).parents), folder.relative_to(root)]:
        (root / each).mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def save(path: Path, content: bytes) -> None:
    """Write a file so that it is there as a whole or not at all, also after a power cut. One writer at a time.

    Raises:
        OSError: the disk does not take it; what was at ``path`` is there still.
    """
    partial = path.with_name(f"{path.name}.part")
    partial.unlink(missing_ok=True)
    try:
        # O_EXCL: neither a link nor a file that somebody else put there is written to.
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":  # where a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def private_fault(about: os.stat_result) -> str | None:
    """Why a file or folder is not its owner's alone; None where it is. Windows' own rules are not looked at."""
    if stat.S_ISLNK(about.st_mode):
        return "is a link"
    if sys.platform == "win32":
        return None
    if about.st_uid != os.geteuid():
        return "belongs to another user"
    if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return "can be reached by other users of this machine"
    return None


def locked(file: IO[bytes]) -> bool:
    """Whether ``file`` could be locked, until it is closed or the process ends, however it does."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def take(path: Path, patience_seconds: float = 0.0) -> IO[bytes]:
    """The lock at ``path``: held, alone of all processes and threads, until the file is closed.

    Args:
        patience_seconds: how long to wait where somebody else holds it.

    Raises:
        HeldElsewhere: somebody still does; the text names the process.
        OSError: the file cannot be opened, or is a link.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        file = os.fdopen(descriptor, "r+b", buffering=0)
        if not locked(file):
            with file:
                owner = file.read(20).decode("ascii", errors="replace").strip() or "of unknown number"
            if time.monotonic() >= deadline:
                raise HeldElsewhere(f"process {owner} holds {path.name}")
            time.sleep(LOCK_PAUSE_SECONDS)
        elif not _is_at(file, path):  # taken away while we waited for it
            file.close()
        else:
            file.truncate()
            file.write(b"%d\n" % os.getpid())
            return file


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
