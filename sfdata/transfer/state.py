"""Where sfdata keeps what must survive the process: reads that can be resumed, and the journal of pushes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

import platformdirs


def state_folder(*parts: str) -> Path:
    """A folder below ``$SFDATA_HOME``, else below the user's state directory; made, and its owner's alone.

    Raises:
        OSError: it cannot be made.
    """
    home = os.environ.get("SFDATA_HOME")
    root = Path(home).expanduser() if home else Path(platformdirs.user_state_path("sfdata"))
    folder = root.joinpath(*parts)
    for each in [*reversed(folder.relative_to(root).parents), folder.relative_to(root)]:
        (root / each).mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


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
