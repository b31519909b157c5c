"""The local org as a child process of this one: started on demand, known by its address alone, gone when we are.

What is sent to it is told on its standard output in one line; its standard input is our life line, which the operating
system cuts however this process ends.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import IO, Any

from sfdata.errors import ConfigurationError

_lock = threading.Lock()
_running: LocalProcess | None = None


def local_org() -> dict[str, Any]:
    """Address and credentials of this process's local org, which is started if it is not running.

    Raises:
        ConfigurationError: it did not start; the message holds what it said.
    """
    global _running
    with _lock:
        if _running is None or not _running.alive:
            if _running is not None:
                _running.stop()
            _running = LocalProcess()
            atexit.register(_running.stop)
        return _running.info


class LocalProcess:
    """One ``python -m sfdata.localorg``, from start to stop."""

    PATIENCE_SECONDS = 5.0

    def __init__(self) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sfdata.localorg", "--json", "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            # An interrupt of the notebook or the shell is meant for the query, not for the org behind it.
            start_new_session=True,
            # What logs in to a real org is none of its business.
            env={name: value for name, value in os.environ.items() if not name.startswith("SF_")},
        )
        try:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            self.info: dict[str, Any] = json.loads(line)
        except ValueError:
            said = self._complaint()
            self.stop()
            raise ConfigurationError(f"the local org did not start: {said}") from None
        except BaseException:
            self.stop()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process and everything that hangs on it; a second call does nothing."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(self.PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._said.close()

    def _complaint(self) -> str:
        self._process.wait(self.PATIENCE_SECONDS)
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with status {self._process.returncode}"
