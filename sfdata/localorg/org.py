"""The local org as its user holds it: start, address and credentials, stop."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sfdata.errors import ConfigurationError
from sfdata.localorg import gateway, seedfiles, snapshot
from sfdata.localorg.certificate import server_context
from sfdata.localorg.faults import Faults
from sfdata.localorg.instance import Instance, open_instance
from sfdata.localorg.ledger import Ledger
from sfdata.localorg.login.credentials import Credentials
from sfdata.localorg.options import Options
from sfdata.localorg.records.locks import Locks
from sfdata.localorg.server import Server

FOLDER_PREFIX = "sfdata-localorg-"
INFO_KEYS = (
    "instance_url",
    "login_url",
    "access_token",
    "org_id",
    "user_id",
    "username",
    "client_id",
    "client_secret",
    "private_key_file",
    "ca_file",
    "fault_token",
)

Report = Callable[[str], None]


class LocalOrg:
    """A Salesforce-compatible org on this machine.

        with LocalOrg(tls=True) as org:
            Salesforce(instance_url=org.instance_url, session_id=org.access_token, …)

    It starts when entered (or by `start`) and takes no thread, socket or file with it when left (or by `stop`). The
    settings are those of `Options`. All secrets are new at each start; records persist only with a ``data`` directory.

    Raises (on start):
        ConfigurationError: a setting or the schema file is wrong, the port or the data directory is taken or no place
            for data.
        OSError: the data directory cannot be written to.
    """

    def __init__(self, **options: Any) -> None:
        self.options = Options(**options)
        self.ca_file: Path | None = None
        self.access_token = ""
        self._running = ExitStack()
        self._instance: Instance | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, report: Report = lambda line: None) -> Self:
        """Open the org, load the sample company, listen. ``report`` is told of steps that take a while."""
        if self._instance is not None:
            raise RuntimeError("This local org is running already.")
        with ExitStack() as parts:
            self._instance = self._opened(parts)
            parts.callback(self._forget)
            self._seed(self._instance, report)
            self.access_token, _ = self._instance.sessions.issue(self.user_id, "start", "api id web")
            early = partial(gateway.early, self._instance)
            self._server.start(partial(gateway.answer, self._instance), gateway.takes_file, early)
            self._running = parts.pop_all()
        return self

    def stop(self) -> None:
        """Stop listening and clean up; a second call does nothing."""
        self._running.close()

    @property
    def instance(self) -> Instance:
        """The parts of the running org."""
        if self._instance is None:
            raise RuntimeError("This local org is not running.")
        return self._instance

    @property
    def instance_url(self) -> str:
        """Where the org listens, without a trailing slash."""
        return self.instance.instance_url

    @property
    def login_url(self) -> str:
        """Where tokens are given out: the org itself."""
        return self.instance.instance_url

    @property
    def org_id(self) -> str:
        return self.instance.org_id

    @property
    def user_id(self) -> str:
        return self.instance.user_id

    @property
    def username(self) -> str:
        return self.instance.base.username

    @property
    def locks(self) -> Locks:
        """The rows held against writes; a test adds its own to see UNABLE_TO_LOCK_ROW."""
        return self.instance.records.locks

    @property
    def faults(self) -> Faults:
        """What is to go wrong; a test adds its own. See `sfdata.localorg.faults`."""
        return self.instance.faults

    @property
    def ledger(self) -> Ledger:
        """What is really written, and by which request, from the first look at it on."""
        return self.instance.ledger

    @property
    def fault_token(self) -> str:
        """What the resources of faults and of the ledger want to be shown."""
        return self.credentials.fault_token

    @property
    def credentials(self) -> Credentials:
        """The secrets of this start, the refresh token and the password among them."""
        return self.instance.credentials

    @property
    def client_id(self) -> str:
        return self.credentials.client_id

    @property
    def client_secret(self) -> str:
        return self.credentials.client_secret

    @property
    def private_key_file(self) -> Path:
        """The PEM file whose key signs JWT assertions; only this user can read it."""
        return self.credentials.private_key_file

    def info(self) -> Mapping[str, str | None]:
        """Address and credentials as plain text, under `INFO_KEYS`; ``ca_file`` is None without TLS."""
        values = {key: getattr(self, key) for key in INFO_KEYS}
        return {key: None if value is None else str(value) for key, value in values.items()}

    def snapshot(self, path: str | Path) -> None:
        """Write every record to a file, from which ``LocalOrg(snapshot=path)`` starts again.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        snapshot.write(self.instance.store, Path(path))

    def _opened(self, parts: ExitStack) -> Instance:
        # The port comes first: a taken one is told before anything is built.
        folder = self._folder(parts)
        tls = None
        if self.options.tls:
            tls, self.ca_file = server_context(folder)
        self._server = self._bound(tls)
        parts.callback(self._server.server_close)
        instance = open_instance(self.options, self._server.url, Credentials.create(folder))
        parts.callback(instance.close)
        parts.callback(self._server.stop)
        return instance

    def _bound(self, tls: ssl.SSLContext | None) -> Server:
        host, port = self.options.host, self.options.port
        try:
            return Server(host, port, tls)
        except OSError as problem:
            raise ConfigurationError(f"Port {port} of {host} cannot be used: {problem.strerror}.") from None

    def _folder(self, parts: ExitStack) -> Path:
        """A private folder for keys and certificates, gone when the org stops."""
        within = self.options.data
        if within is not None:
            try:
                within.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as problem:
                raise ConfigurationError(f"The data directory {within} cannot be made: {problem.strerror}.") from None
        return Path(parts.enter_context(tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, dir=within)))

    def _seed(self, instance: Instance, report: Report) -> None:
        options = self.options
        if options.snapshot is not None:
            return
        if options.seed_from is not None:
            report(f"Loading {options.seed_from} …")
            report(f"… {sum(seedfiles.load(instance, options.seed_from).values()):,} records.")
        elif options.sample_data:
            report(f"Loading the sample company (scale {options.scale:g}) …")
            report(f"… {sum(instance.seed().values()):,} records.")

    def _forget(self) -> None:
        self._instance = None
        self.ca_file = None
        self.access_token = ""
