from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import sfdata
from sfdata import cli, lab

ROOT = Path(__file__).parents[1]
posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")


def start(*arguments, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "sfdata.cli", *arguments], text=True, **pipes | options)


def test_the_demo_shows_its_frames_without_a_terminal():
    """sfdata demo asks nothing, needs no terminal, ends with 0 and has shown DataFrames on the way."""
    done = start("demo", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    said, complained = done.communicate(timeout=60)
    assert (done.returncode, complained) == (0, "")
    assert "StageName" in said
    assert "[8 rows × 6 columns" in said.replace("?", "×")


@posix
def test_who_stops_reading_ends_the_demo_quietly():
    """sfdata demo | head -1 leaves no traceback behind."""
    demo = start("demo")
    assert demo.stdout.readline()
    demo.stdout.close()
    assert demo.stderr.read() == ""
    demo.stderr.close()
    assert demo.wait(timeout=60) == 1


@posix
def test_an_interrupt_ends_the_demo_with_one_line_and_its_org():
    """Ctrl-C in the middle is status 130 and a word, and no process stays behind."""
    demo = start("demo")
    assert demo.stdout.readline()
    demo.send_signal(signal.SIGINT)
    complained = demo.communicate(timeout=30)[1]
    assert (demo.returncode, complained.strip()) == (130, "interrupted")


def test_a_disk_that_is_full_is_one_line():
    """Output that cannot be written is named in a line, without a traceback."""
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w") as full:
        demo = start("demo", stdout=full)
        assert "No space left" in demo.communicate(timeout=60)[1]
    assert demo.returncode == 1


@pytest.mark.parametrize(("arguments", "status"), [(["dem"], 2), (["--version"], 0), (["--help"], 0)])
def test_usage_is_argparse_usage(arguments, status, capsys):
    """A wrong command line is status 2, and the version is the package's."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == status
    assert "--version" not in arguments or sfdata.__version__ in capsys.readouterr().out


def test_without_a_command_the_commands_are_shown(capsys):
    """Who types the bare name reads what there is, and a script sees that nothing was done."""
    assert cli.main([]) == 2
    assert "open JupyterLab on the quickstart notebook" in capsys.readouterr().out


def test_an_error_of_ours_is_one_block_and_status_1(monkeypatch, capsys):
    """What is wrong and the next step stand on the terminal, not a traceback."""
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["lab"]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("sfdata: JupyterLab is not installed\nHint:")


# --- sfdata lab ------------------------------------------------------------------------------------------------------

STAND_IN = """
import json, signal, sys, time
print(json.dumps(sys.argv[1:]), flush=True)
signal.signal(signal.SIGINT, lambda *_: print("are you sure?", flush=True))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
time.sleep(60)
"""


@posix
def test_lab_opens_a_copy_of_the_notebook_and_ends_on_the_first_interrupt(tmp_path):
    """JupyterLab gets the notebook's path; Ctrl-C ends it without its second question; a copy that exists is kept."""
    package = tmp_path / "jupyterlab"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STAND_IN)
    folder = tmp_path / "work"
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    server = start(
        "lab", "--dir", str(folder), "--no-browser", env={**os.environ, "PYTHONPATH": path}, start_new_session=True
    )
    assert "quickstart.ipynb" in server.stdout.readline()
    arguments = json.loads(server.stdout.readline())
    assert arguments[:2] == [str(folder / "quickstart.ipynb"), "--no-browser"]
    time.sleep(0.2)
    os.killpg(server.pid, signal.SIGINT)
    assert server.communicate(timeout=20)[1] == ""
    assert server.returncode == 0
    assert (folder / "quickstart.ipynb").read_text() == (ROOT / "notebooks" / "quickstart.ipynb").read_text()


def test_lab_keeps_a_notebook_that_was_worked_on(tmp_path, monkeypatch):
    """A second sfdata lab opens the user's own copy, and a folder that cannot be made is named."""
    opened = []

    class Server:
        def __init__(self, command):
            opened.append(command)

        def wait(self):
            return 3

    monkeypatch.setattr(lab.subprocess, "Popen", Server)
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: object())
    notebook = tmp_path / lab.NOTEBOOK
    notebook.write_text("mine")
    assert lab.lab(str(tmp_path)) == 3
    assert notebook.read_text() == "mine"
    assert str(notebook) in opened[0]
    assert "--no-browser" not in opened[0]
    with pytest.raises(sfdata.SalesforceError, match="cannot be put"):
        lab.lab(str(notebook))
