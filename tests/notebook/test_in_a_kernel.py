"""A notebook from its first cell to its last, in a kernel of its own, against the local org and one that is silent."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_async_kernel
from nbclient import NotebookClient

import sfdata

CELLS = (
    "%load_ext sfdata\n%sf connect local",
    "names = ['Prospecting', 'Closed Won']",
    "%%soql deals\nSELECT StageName, Owner.Name FROM Opportunity WHERE StageName IN :names",
    "sorted(deals['StageName'].unique()), list(deals.columns)",
    "%%soql broken\nSELECT Nmae FROM Account",
    "import sfdata\nsilent = sfdata.connect(instance_url={silent!r}, access_token={token!r})\nsilent",
    "%%soql never --org silent\nSELECT Id FROM Account",
    "'broken' in globals(), 'never' in globals()",
    "%%soql again\nSELECT Id FROM User LIMIT 1",
)
SILENT_CELL = 6
TOKEN = "00D000000000001!not.a.real.one"


class SilentServer:
    """Takes connections and never answers."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                self._open.append(self._listening.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for connection in self._open:
            connection.close()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def kernel_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Kernels import the sfdata under test, and leave the user's IPython profile alone."""
    monkeypatch.setenv("PYTHONPATH", str(Path(sfdata.__file__).parents[1]))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))


def test_a_whole_notebook(silent: SilentServer) -> None:
    """Queries, an error and an interrupt in one kernel: errors are error outputs, and the kernel goes on after each."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source.format(silent=silent.url, token=TOKEN)) for source in CELLS]
    )
    client = NotebookClient(
        notebook,
        allow_errors=True,
        interrupt_on_timeout=True,
        timeout_func=lambda cell: 2 if cell is notebook.cells[SILENT_CELL] else 60,
    )
    asyncio.run(client.async_execute())
    outputs = [cell.outputs for cell in notebook.cells]
    assert _text(outputs[0]).startswith("Connected to local at 127.0.0.1")
    assert _text(outputs[2]).endswith("rows × 2 columns → deals\n")
    assert _text(outputs[3]) == "(['Closed Won', 'Prospecting'], ['StageName', 'Owner.Name'])"
    (error,), (interrupt,) = outputs[4], outputs[SILENT_CELL]
    assert (error.output_type, error.ename) == ("error", "InvalidField")
    assert error.traceback[0].startswith("InvalidField (INVALID_FIELD): No such column 'Nmae'")
    assert error.traceback[-1] == "Hint: Did you mean Name?"
    assert (interrupt.output_type, interrupt.ename) == ("error", "KeyboardInterrupt")
    assert interrupt.traceback == ["interrupted: nothing was assigned"]
    assert TOKEN not in str(outputs), "no output shows a token"
    assert _text(outputs[7]) == "(False, False)"
    assert _text(outputs[8]) == "1 row × 1 column → again\n"


@pytest.mark.catalogue("P1")
def test_progress_and_interrupt_before_a_person(silent: SilentServer) -> None:
    """Somebody who watches sees the wait, in one output that ends empty; a stop gives the cell back within a second."""
    asyncio.run(_watch_and_stop(silent.url))


async def _watch_and_stop(url: str) -> None:
    manager, client = await start_new_async_kernel()
    displays: list[tuple[str, str, dict[str, str]]] = []

    def note(message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind in ("display_data", "update_display_data"):
            displays.append((kind, content["transient"]["display_id"], content["data"]))

    async def run(source: str) -> dict[str, Any]:
        reply = await client.execute_interactive(source, output_hook=note, allow_stdin=True, timeout=60)
        content: dict[str, Any] = reply["content"]
        return content

    try:
        await run(f"%load_ext sfdata\nimport sfdata\nsilent = sfdata.connect(instance_url={url!r}, access_token='x')")
        query = asyncio.create_task(run("%%soql never --org silent\nSELECT Id FROM Account"))
        await asyncio.sleep(2)
        await manager.interrupt_kernel()
        stopped = time.monotonic()
        reply = await query
        assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
        assert time.monotonic() - stopped < 1
        assert len({display_id for _, display_id, _ in displays}) == 1
        assert displays[0][0] == "display_data"
        assert displays[0][2]["text/plain"].startswith("waiting for the org")
        assert displays[-1][2] == {}
        assert (await run("'never' not in globals() or 1 / 0"))["status"] == "ok"
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)


def _text(outputs: list[Any]) -> str:
    """The text of a cell's streams and results."""
    return "".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
