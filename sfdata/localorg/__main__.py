"""``python -m sfdata.localorg``: run a local org until it is told to stop."""

from __future__ import annotations

import _thread
import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from sfdata.errors import ConfigurationError
from sfdata.localorg.options import SESSION_SECONDS, Options

if TYPE_CHECKING:
    from sfdata.localorg.org import LocalOrg

USAGE_ERROR = 2
POLL_SECONDS = 0.2
SECRETS_FILE = "secrets.json"

WELCOME = """\
The local org is running:  {instance_url}
  status    {instance_url}/
  user      {username}
  secrets   {secrets}
  JWT key   {private_key_file}
  CA        {ca}

The secrets file holds access_token, client_id, client_secret, refresh_token, password, security_token and
fault_token; only you can read it.

{clients}

Press Ctrl-C to stop.
"""


class Stopped(BaseException):
    """The process was asked to end, wherever it was."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command; `run` takes what they parse to."""
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port to listen on (default: a free one)")
    parser.add_argument("--tls", action="store_true", help="https, with a certificate made at the start")
    parser.add_argument("--scale", type=float, default=1.0, metavar="X", help="size of the sample company (default 1)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the records here (default: in memory)")
    parser.add_argument("--schema", type=Path, metavar="FILE", help="TOML file of custom objects, fields and rules")
    parser.add_argument(
        "--seed-from", type=Path, metavar="DIR", help="load Account.csv, Contact.parquet … of this folder instead"
    )
    parser.add_argument("--snapshot", type=Path, metavar="FILE", help="start with the records of this snapshot instead")
    parser.add_argument("--save-snapshot", type=Path, metavar="FILE", help="write a snapshot when the org stops")
    parser.add_argument("--latency", default="0", metavar="MS[:JITTER]", help="answer as late as a distant org would")
    parser.add_argument(
        "--limit", action="append", default=[], dest="limits", type=_limit, metavar="NAME=N",
        help="an allowance, as DailyApiRequests=100, DailyBulkV2QueryJobs=2 or DataStorageMB=5; may be repeated",
    )  # fmt: skip
    parser.add_argument("--concurrent-requests", type=int, metavar="N", help="API calls at a time (default: no limit)")
    parser.add_argument(
        "--session-seconds", type=float, default=SESSION_SECONDS, metavar="N",
        help=f"end a session after this time without a call (default {SESSION_SECONDS:g})",
    )  # fmt: skip
    parser.add_argument("--sandbox", action="store_true", help="be a sandbox, not a production org")
    parser.add_argument(
        "--redirect-uri", action="append", default=[], dest="redirect_uris", metavar="URL",
        help="register a callback address for web login (those of this machine need not be)",
    )  # fmt: skip
    parser.add_argument("--as-of", metavar="DATE", help="the day the org lives on, as 2026-06-30 (default: today)")
    parser.add_argument("--empty", action="store_true", help="no sample company")
    parser.add_argument(
        "--json", action="store_true", help="one line of JSON with address and credentials, then silence"
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")


def _limit(text: str) -> tuple[str, int]:
    name, mark, number = text.partition("=")
    if not mark or not number.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form DailyApiRequests=100")
    return name, int(number)


def run(args: argparse.Namespace) -> int:
    """Run a local org until SIGTERM, SIGINT or, if asked for, the end of standard input.

    Returns the exit status: 0 after an orderly stop, 2 where it could not start (one line on stderr says why).
    """
    previous = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        if args.until_stdin_closes:
            threading.Thread(target=_stop_with_stdin, daemon=True).start()
        _run(args)
    except Stopped:
        return 0
    except (ConfigurationError, OSError) as problem:
        sys.stderr.write(f"sfdata localorg: {' '.join(str(problem).split())}\n")
        return USAGE_ERROR
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sfdata.localorg", description="Run a local Salesforce org.")
    add_arguments(parser)
    return run(parser.parse_args(argv))


def _run(args: argparse.Namespace) -> NoReturn:
    # Not before the signals are caught, and not for a command line that only asks for help.
    from sfdata.localorg import snapshot
    from sfdata.localorg.org import LocalOrg

    if args.save_snapshot is not None:
        # Not only when the org stops: its records would be lost then.
        snapshot.check_place(args.save_snapshot)
    names = [name for name in Options.names() if name in vars(args)]
    org = LocalOrg(**{name: getattr(args, name) for name in names}, sample_data=not args.empty)
    try:
        org.start(_report)
        sys.stdout.write(f"{json.dumps(org.info())}\n" if args.json else _welcome(org))
        sys.stdout.flush()
        try:
            while True:
                # In short steps: the end of standard input is noticed between them.
                time.sleep(POLL_SECONDS)
        finally:
            if args.save_snapshot is not None:
                org.snapshot(args.save_snapshot)
    finally:
        org.stop()


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    # Whoever insists must not break the cleaning up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise Stopped


def _stop_with_stdin() -> None:
    try:
        # Not through sys.stdin, whose lock a waiting thread would hold while the interpreter ends.
        while os.read(0, 4096):
            pass
    except OSError:
        pass  # it was closed to begin with
    _thread.interrupt_main(signal.SIGTERM)


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _welcome(org: LocalOrg) -> str:
    from sfdata.localorg.certificate import write_private
    from sfdata.localorg.welcome import instructions

    info = org.info()
    secrets = {
        **info,
        **{name: getattr(org.credentials, name) for name in ("refresh_token", "password", "security_token")},
    }
    file = write_private(org.private_key_file.with_name(SECRETS_FILE), json.dumps(secrets, indent=2).encode())
    clients = (f"{client}\n{indent(text, '    ')}" for client, text in instructions(info).items())
    return WELCOME.format(secrets=file, ca=org.ca_file or "none: plain http", clients="\n".join(clients), **info)


if __name__ == "__main__":
    sys.exit(main())
