"""The parts of one org, opened together and closed together."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any

from sfdata.errors import ConfigurationError
from sfdata.localorg import snapshot
from sfdata.localorg.allowances import API_REQUESTS, MAXIMA
from sfdata.localorg.bulk.service import Bulk
from sfdata.localorg.bulk_v1.service import ClassicBulk
from sfdata.localorg.company import BaseRecords, seed_base, seed_company
from sfdata.localorg.definitions import Definitions, asks_for_definitions
from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.faults import Faults
from sfdata.localorg.ledger import Ledger, RequestIds
from sfdata.localorg.limits import ApiUsage
from sfdata.localorg.login.authorization_codes import Authorization, AuthorizationCodes
from sfdata.localorg.login.connected_apps import DEFAULT_SCOPE, connected_apps
from sfdata.localorg.login.credentials import Credentials
from sfdata.localorg.login.grants import UsedAssertions
from sfdata.localorg.login.id_token import SigningKey
from sfdata.localorg.login.passwords import Passwords
from sfdata.localorg.login.refresh_tokens import RefreshTokens
from sfdata.localorg.login.sessions import Session, Sessions
from sfdata.localorg.login.tickets import Tickets
from sfdata.localorg.objects import build_schema
from sfdata.localorg.options import Options
from sfdata.localorg.records.crud import Records
from sfdata.localorg.request_log import RequestLog
from sfdata.localorg.schema import Schema, SObject
from sfdata.localorg.storage import Storage
from sfdata.localorg.store import FILE_NAME, Store

LOCK_FILE = "in-use.sqlite"
PAGE_SECONDS = 900.0
ONE_TIME_PASSWORD_SECONDS = 60.0

Clock = Callable[[], datetime]
Row = Mapping[str, Any]


@dataclass(eq=False)
class Instance:
    """One org: its data, and everything a handler needs to answer for it."""

    options: Options
    instance_url: str
    credentials: Credentials
    schema: Schema
    store: Store
    clock: Clock
    base: BaseRecords
    closing: ExitStack
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    used_assertions: UsedAssertions = field(default_factory=UsedAssertions)
    authorization_codes: AuthorizationCodes = field(default_factory=AuthorizationCodes)
    passwords: Passwords = field(default_factory=Passwords)
    refresh_tokens: RefreshTokens = field(default_factory=RefreshTokens)
    signing_key: SigningKey = field(default_factory=SigningKey)
    open_pages: Tickets[Authorization] = field(default_factory=partial(Tickets, PAGE_SECONDS))
    one_time_passwords: Tickets[Session] = field(default_factory=partial(Tickets, ONE_TIME_PASSWORD_SECONDS))
    request_log: RequestLog = field(default_factory=RequestLog)
    faults: Faults = field(default_factory=Faults)
    request_ids: RequestIds = field(default_factory=RequestIds)
    _ledger: Ledger | None = None

    def __post_init__(self) -> None:
        self.storage = Storage(self.store, self.options.limits)
        self.records = Records(self.store, self.clock, self.storage.check)
        self.engine = QueryEngine(self.store, clock=self.clock, page_size=self.options.page_size)
        self.definitions = Definitions(self.schema, self.clock)
        self.closing.callback(self.definitions.close)
        self.sessions = Sessions(self.org_id, self.options.session_seconds)
        self.usage = ApiUsage(
            self.maxima[API_REQUESTS],
            concurrent=self.options.concurrent_requests,
            per_app=self.options.app_requests,
        )
        self.bulk = Bulk(self.records, self.clock, self.maxima, self.options.data)
        self.closing.callback(self.bulk.close)
        self.classic_bulk = ClassicBulk(self.bulk, self.records, self.engine_for, self.clock)
        self.apps = connected_apps(self.credentials, self.options.redirect_uris)
        self.passwords.set(self.user_id, self.credentials.password, self.credentials.security_token)
        token = self.credentials.refresh_token
        self.refresh_tokens.issue(self.user_id, self.credentials.client_id, DEFAULT_SCOPE, token)

    @property
    def maxima(self) -> Mapping[str, int]:
        """How large each allowance is."""
        return {**MAXIMA, **self.options.limits}

    @property
    def used(self) -> Mapping[str, int]:
        """What is gone of those allowances that are counted."""
        return {API_REQUESTS: self.usage.used, **self.bulk.used, **self.storage.used}

    @property
    def org_id(self) -> str:
        return self.base.organization_id

    @property
    def user_id(self) -> str:
        """The administrator, who owns the access token given out at the start."""
        return self.base.user_id

    @property
    def organization_name(self) -> str:
        row = self.store.get(self.object("Organization"), self.org_id)
        return str(row["Name"]) if row else ""

    @property
    def ledger(self) -> Ledger:
        """What was written since somebody first asked for this."""
        with self.store.lock:
            if self._ledger is None:
                self._ledger = Ledger(self.store)
            return self._ledger

    def engine_for(self, soql: str) -> QueryEngine:
        """The engine for a query of the data API: that of the records, or that of the definitions."""
        return self.definitions.engine if asks_for_definitions(soql) else self.engine

    def object(self, name: str) -> SObject:
        """An object that every org has."""
        found = self.schema.object(name)
        assert found is not None, name
        return found

    def user(self, user_id: str) -> Row | None:
        """The row of a user, by Id."""
        return self.store.get(self.object("User"), user_id)

    def user_named(self, username: str) -> Row | None:
        """The row of a user, by user name."""
        return next(iter(self.store.find(self.object("User"), "Username", username)), None)

    def permits(self, user_id: str, permission: str) -> bool:
        """Whether the profile of a user has a permission, as ``BulkApiHardDelete``."""
        profile_id = (self.user(user_id) or {}).get("ProfileId")
        profile = self.store.get(self.object("Profile"), profile_id) if profile_id else None
        return profile is not None and bool(profile[f"Permissions{permission}"])

    def app_name(self, session: Session | None) -> str | None:
        """The connected app that a session came through; None where there is none."""
        app = self.apps.get(session.client_id or "") if session else None
        return app.name if app else None

    def revoke_refresh_token(self, token: str) -> bool:
        """End a refresh token and the sessions that came from its approval; false where there is no such token."""
        approval = self.refresh_tokens.revoke(token)
        if approval is None:
            return False
        self.sessions.revoke_approval(approval)
        return True

    def seed(self) -> Mapping[str, int]:
        """Load the sample company, or what is missing of it after an interruption: rows per object."""
        options = self.options
        return seed_company(self.store, scale=options.scale, seed=options.seed, as_of=options.as_of)

    def close(self) -> None:
        """Close the database and release the directory."""
        self.closing.close()


def open_instance(options: Options, instance_url: str, credentials: Credentials) -> Instance:
    """Open the org that ``options`` describe, with its organization and users but not yet the sample company.

    Raises:
        ConfigurationError: the schema file is wrong, or the data directory is in use or no directory of a local org.
    """
    schema = build_schema(options.schema)
    with ExitStack() as opened:
        if options.data is not None:
            opened.callback(_reserved(options.data).close)
        store = _store(schema, options)
        opened.callback(store.close)
        opened.callback(store.connection.interrupt)
        base = seed_base(store, as_of=options.as_of)
        organization = schema.by_prefix(base.organization_id)
        assert organization is not None
        store.update(organization, base.organization_id, {"IsSandbox": int(options.sandbox)})
        return Instance(
            options, instance_url, credentials, schema, store, clock_for(options.as_of), base, opened.pop_all()
        )


def clock_for(as_of: date | None) -> Clock:
    """The time in the org: the real one, or the real time of day on the day ``as_of`` and from there on."""
    if as_of is None:
        return lambda: datetime.now(UTC)
    shift = datetime.combine(as_of, time(), UTC) - datetime.combine(datetime.now(UTC), time(), UTC)
    return lambda: datetime.now(UTC) + shift


def _store(schema: Schema, options: Options) -> Store:
    directory, filled = options.data, None
    if options.snapshot is not None:
        snapshot.check(options.snapshot, schema)
        if directory is not None and (directory / FILE_NAME).exists():
            raise ConfigurationError(f"The data directory {directory} has records already, and a snapshot has its own.")
        filled = partial(snapshot.copy_in, options.snapshot)
    try:
        return Store(schema, directory, filled)
    except sqlite3.Error as problem:
        raise ConfigurationError(f"The data directory {directory} cannot be used: {problem}.") from None


def _reserved(directory: Path) -> sqlite3.Connection:
    """A hold on the directory that ends with this process, however that ends."""
    connection: sqlite3.Connection | None = None
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(directory / LOCK_FILE, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as problem:
        if connection is not None:
            connection.close()
        what = "in use by another local org" if "locked" in str(problem) else f"unusable: {problem}"
        raise ConfigurationError(f"The data directory {directory} is {what}.") from None
    return connection
