"""The ``sfdata`` command: thin over the library.

sfdata demo       the main job on sample data, without an org and without questions
sfdata lab        JupyterLab on the quickstart notebook
sfdata localorg   an embedded Salesforce-compatible org on this machine
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from sfdata import __version__
from sfdata.errors import SalesforceError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # names of the sample company are in many scripts
    try:
        parser = _parser()
        args = parser.parse_args(argv)
        if args.run is None:
            parser.print_help()
            return 2
        status: int = args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except SalesforceError as problem:
        print(f"sfdata: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:
        return _no_output(problem)
    return status


def _no_output(problem: OSError) -> int:
    """End quietly when the reader of our output has seen enough (``sfdata demo | head``), else with one line."""
    # What is still in the buffer goes nowhere, or the interpreter would complain of it once more at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(problem, BrokenPipeError):
        print(f"sfdata: {problem.strerror or problem}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sfdata", description="Salesforce data in a notebook, done properly.")
    parser.add_argument("--version", action="version", version=f"sfdata {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    parser.set_defaults(run=None)

    demo = commands.add_parser("demo", help="run SOQL on sample data and show the DataFrames; needs no org")
    demo.set_defaults(run=_demo)

    lab = commands.add_parser("lab", help="open JupyterLab on the quickstart notebook; needs no org")
    lab.add_argument("--dir", default=".", help="folder to put the notebook in (default: here)")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening a browser")
    lab.set_defaults(run=_lab)

    from sfdata.localorg.__main__ import add_arguments, run

    localorg = commands.add_parser("localorg", help="serve an embedded Salesforce-compatible org on this machine")
    add_arguments(localorg)
    localorg.set_defaults(run=run)
    return parser


def _demo(args: argparse.Namespace) -> int:
    from sfdata.demo import demo

    demo()
    return 0


def _lab(args: argparse.Namespace) -> int:
    from sfdata.lab import lab

    return lab(args.dir, browser=not args.no_browser)


if __name__ == "__main__":
    sys.exit(main())
