"""`connect` and `Org`: where the parts are put together. Every method of `Org` delegates in a few lines."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, NamedTuple, overload
from weakref import WeakValueDictionary

import pandas as pd

from sfdata.api import bulk_query
from sfdata.api.describe import DescribeCache
from sfdata.audit import AuditTrail
from sfdata.auth.flows import AccessToken, ClientCredentials, Flow, flow_from_settings
from sfdata.auth.remembered import login_for
from sfdata.config import OrgConfig, settings_from_env, settings_from_profile
from sfdata.errors import ConfigurationError
from sfdata.frames.dtypes import DtypeBackend
from sfdata.local_process import local_org
from sfdata.logs import ConnectionLog
from sfdata.metadata import ObjectDescribe
from sfdata.org_writes import OrgWrites
from sfdata.resilience.budget import Budget
from sfdata.resilience.hooks import Hook, Hooks
from sfdata.resilience.limits import LimitsTracker, Reserve
from sfdata.resilience.runtime import Runtime
from sfdata.secret import Secret, StaysHere
from sfdata.transfer.engine import Engine
from sfdata.transfer.limits import OrgLimits
from sfdata.transfer.soql_query import Soql
from sfdata.transport.http_session import HttpSession


def connect(
    target: str | None = None,
    *,
    flow: Flow | None = None,
    instance_url: str | None = None,
    access_token: str | Secret | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    api_version: str | None = None,
    timeout_seconds: float | None = None,
    remember: bool = False,
    budget: int | None = None,
    reserve: int | float = 0,
    throttle: bool = False,
    audit: str | os.PathLike[str] | None = None,
    hooks: Sequence[Hook] = (),
    runtime: Runtime | None = None,
) -> Org:
    """A connection to an org. Nothing is sent before the first call that needs an answer.

    Who logs in is said in one of four ways, the first that is given:

    - ``flow=``: a `JwtBearer`, `ClientCredentials`, `RefreshToken` or `AccessToken` object;
    - ``instance_url=`` and ``access_token=``: a session that exists already;
    - ``target``: ``"local"`` for an embedded org with sample data, started on first use and shared by this process;
      any other name is a profile of the profile file;
    - otherwise ``SFDATA_ORG`` (read like ``target``) or the ``SF_*`` variables of the environment.

    Args:
        target: ``"local"`` or the name of a profile.
        ca_file: a PEM file of certificates to trust instead of the usual roots.
        api_version: such as ``"67.0"``; pinned, never detected.
        timeout_seconds: how long one request may be silent.
        remember: keep the login on this machine until `sfdata.forget`: encrypted, its key in the system's keyring.
            Whoever connects by the same credentials then shares it, and no refresh token is lost that the org replaces
            with each use. Where there is no keyring nothing is kept, and a `NotRemembered` warning says so.
        budget: API calls this connection may make; what would go beyond raises `BudgetExceeded` instead of being sent.
            None for no bound. `Org.budget` tells what is left, and can be raised.
        reserve: API calls of the org's day that are left to others: a number, or a share below 1. What would take of
            them raises `NotEnoughLeft` and is not sent, but for one call in a quarter of an hour, which looks again.
        throttle: when four fifths of the org's day are spent, wait before each call: longer, the fewer are left.
        audit: a file to which a line is added for each write: who wrote what where, and what came of it, without the
            values; see `sfdata.audit`. It is made if it is not there, for its owner alone.
        hooks: called with each event of the connection, see `sfdata.resilience.hooks`.
        runtime: time, waiting and chance, where they are not to be the machine's own.

    Raises:
        ConfigurationError: a setting is missing, malformed or contradicts another.
        VaultRefused: the login is remembered, and what is kept of it cannot be opened.
    """
    if access_token is not None:
        if flow is not None:
            raise ConfigurationError("give either flow= or access_token=, not both")
        if instance_url is None:
            raise ConfigurationError("access_token= needs instance_url= beside it: a token is good for one org only")
        flow = AccessToken(access_token=Secret.of(access_token), instance_url=instance_url)
    login = _given(target, flow, instance_url) if flow is not None else _named(target, instance_url)
    settings = {
        "ca_file": None if ca_file is None else os.fspath(ca_file),
        "api_version": api_version,
        "timeout_seconds": timeout_seconds,
    }
    overrides: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    return Org(
        replace(login.config, **overrides),
        login.flow,
        name=login.name,
        source=login.source,
        remember=remember,
        hooks=hooks,
        budget=Budget(budget),
        reserve=Reserve(reserve),
        throttle=throttle,
        audit=audit,
        runtime=runtime,
    )


class _Login(NamedTuple):
    """Which org a connection leads to, who logs in, and where that was said."""

    config: OrgConfig
    flow: Flow
    name: str | None
    source: str


def _given(target: str | None, flow: Flow, instance_url: str | None) -> _Login:
    if target is not None:
        raise ConfigurationError(f"give either a flow or the name {target!r}, not both")
    return _Login(OrgConfig(instance_url=instance_url, login_url=flow.login_url), flow, None, "arguments")


def _named(target: str | None, instance_url: str | None) -> _Login:
    if target is None and instance_url is None:
        target = os.environ.get("SFDATA_ORG") or None
    if target == "local":
        if instance_url is not None:
            raise ConfigurationError("the local org has an address of its own: leave out instance_url=")
        return _Login(*_local(), target, "the embedded local org")
    settings = settings_from_env() if target is None else settings_from_profile(target)
    if instance_url is not None:
        settings = replace(settings, instance_url=instance_url)
    return _Login(settings.org_config(), flow_from_settings(settings), target, settings.source)


def _local() -> tuple[OrgConfig, Flow]:
    """The local org is an org like any other: an address and a login."""
    org = local_org()
    config = OrgConfig(instance_url=org["instance_url"], login_url=org["login_url"], ca_file=org["ca_file"])
    flow = ClientCredentials(client_id=org["client_id"], client_secret=org["client_secret"], login_url=org["login_url"])
    return config, flow


_CONNECTIONS: WeakValueDictionary[int, Org] = WeakValueDictionary()
_NUMBERS = count()


def open_orgs() -> list[Org]:
    """The connections of this process that somebody holds and nobody has closed, the latest last."""
    return [org for org in _CONNECTIONS.values() if not org.closed]


class Org(OrgWrites, StaysHere):
    """A connected org. Make one with `connect`; close it, or use it in a ``with`` block, to give its sockets back.

    Attributes:
        name: what it was connected by (``"local"``, a profile's name), or its host.
        source: where its credentials came from, in words.
        closed: whether `close` has been called.
        hooks: subscribe here for progress, retries and renewed tokens.
        budget: the API calls it has made, and may make; see `Budget`.
        limits: what the org allows; call it for a table, see `OrgLimits`.
    """

    def __init__(
        self,
        config: OrgConfig,
        flow: Flow,
        *,
        name: str | None,
        source: str,
        remember: bool = False,
        hooks: Sequence[Hook] = (),
        budget: Budget | None = None,
        reserve: Reserve | None = None,
        throttle: bool = False,
        audit: str | os.PathLike[str] | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self.hooks = Hooks(*hooks)
        self.source = source
        self.budget = budget or Budget()
        runtime = runtime or Runtime()
        limits = LimitsTracker(runtime, reserve=reserve, throttle=throttle, announce=self.hooks)
        login = login_for(flow, config.instance_url, name=name, remember=remember, clock=runtime.clock, now=runtime.now)
        self._session = HttpSession(config, login, hooks=self.hooks, budget=self.budget, limits=limits, runtime=runtime)
        self.limits = OrgLimits(self._session)
        self._describe = DescribeCache(self._session)
        self._host = (config.instance_url or config.login_url).partition("://")[2]
        tokens = self._session.tokens
        self.hooks.subscribe(ConnectionLog(self._host, tokens.masked))
        if audit is not None:
            trail = AuditTrail(audit, org=self._host, login=flow.name, token=lambda: tokens.known, runtime=runtime)
            self.hooks.subscribe(trail)
        self.name = name or self._host
        self.closed = False
        _CONNECTIONS[next(_NUMBERS)] = self

    # --- reading -----------------------------------------------------------------------------------------------------

    def soql(
        self,
        text: str,
        params: Mapping[str, Any] | None = None,
        *,
        all_rows: bool = False,
        engine: Engine = "auto",
        parallel: int = 1,
    ) -> Soql:
        """A query, parsed and with its ``:name`` binds filled in from ``params``, but not sent.

        The name of an object alone (``org.soql("Account")``), or ``FIELDS(ALL)`` without a small LIMIT, stands for all
        of its fields that rows can hold. A list of any length may stand behind IN: what is too long for one statement
        is read in several.

        Args:
            text: SOQL, or the name of an object.
            params: values for the binds: a list behind IN may be a column of a frame with 100,000 keys.
            all_rows: include deleted and archived rows (the API's ``queryAll``).
            engine: ``"rest"`` reads page by page, ``"bulk"`` through a Bulk API 2.0 job; ``"auto"`` begins with REST
                and moves to a job where the first page announces more rows than a hundred pages hold.
            parallel: REST pages under way at a time. More than one asks for pages by what their addresses look like,
                which nothing documents: each is proved to follow the one before, and the first that does not ends it.

        Raises:
            SoqlSyntaxError, BindError: the text or a value is wrong. A query too long for one statement that several
                cannot serve is a `QueryTooLong` when it is read.
        """
        return Soql(
            self._session, self._describe, self.hooks, text, params, all_rows=all_rows, engine=engine, parallel=parallel
        )

    def query(
        self,
        text: str,
        params: Mapping[str, Any] | None = None,
        *,
        dtype_backend: DtypeBackend | None = None,
        index_col: str | Sequence[str] | None = None,
        max_rows: int | None = None,
        max_memory: int | str | None = None,
        all_rows: bool = False,
        engine: Engine = "auto",
        parallel: int = 1,
    ) -> pd.DataFrame:
        """The complete, typed, flat result of a query. See `soql` and `Soql.to_pandas` for the arguments and errors."""
        query = self.soql(text, params, all_rows=all_rows, engine=engine, parallel=parallel)
        return query.to_pandas(
            dtype_backend=dtype_backend, index_col=index_col, max_rows=max_rows, max_memory=max_memory
        )

    # --- the org itself ----------------------------------------------------------------------------------------------

    @overload
    def describe(self, name: str) -> ObjectDescribe: ...
    @overload
    def describe(self, name: None = None) -> pd.DataFrame: ...
    def describe(self, name: str | None = None) -> ObjectDescribe | pd.DataFrame:
        """What the org says of one object, or without a name the table of all objects this user can see.

        Raises:
            InvalidType: no such object; the hint names the nearest one.
        """
        if name is not None:
            return self._describe.object(name)
        texts, flags = ["name", "label", "keyPrefix"], ["custom", "queryable", "createable", "updateable", "deletable"]
        frame = pd.DataFrame(self._describe.global_()["sobjects"], columns=[*texts, *flags])
        return frame.astype(dict.fromkeys(texts, "str") | dict.fromkeys(flags, "boolean"))

    def query_jobs(self) -> pd.DataFrame:
        """The Bulk query jobs of the last seven days that this user may see, the latest first.

        One row each: ``id``, ``state``, ``object``, ``operation``, ``created``. `resume` reads one that was made here.

        https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_all_jobs.htm
        """
        columns = ["id", "state", "object", "operation", "created"]
        jobs = [[getattr(job, name) for name in columns] for job in bulk_query.jobs(self._session)]
        frame = pd.DataFrame(jobs, columns=columns, dtype="str")
        frame["created"] = pd.to_datetime(frame["created"], utc=True, format="ISO8601").astype("datetime64[ms, UTC]")
        return frame.sort_values("created", ascending=False, kind="stable", ignore_index=True)

    # --- the connection ----------------------------------------------------------------------------------------------

    @property
    def instance_url(self) -> str:
        """The org's address; asking for it logs in where only the login's answer tells it."""
        return self._session.instance_url

    @property
    def api_version(self) -> str:
        return self._session.api_version

    def close(self) -> None:
        """Give the sockets back. The org's session stays valid; a local org lives as long as this process."""
        self.closed = True
        self._session.close()

    def __enter__(self) -> Org:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Org({self.name!r} at {self._host}, API {self.api_version}, login from {self.source})"
