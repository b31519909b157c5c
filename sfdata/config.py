"""Where the org is and how to speak to it: `OrgConfig`, and the settings read from the environment or a profile.

A setting has one name: ``client_id`` in ``profiles.toml`` is ``SF_CLIENT_ID`` in the environment. Every mistake is a
`ConfigurationError` that names the setting and the form wanted; no message holds the value of a secret.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from sfdata.errors import AuthenticationError, ConfigurationError, InsecureUrl
from sfdata.secret import Secret

API_VERSION = "67.0"
OLDEST_API_VERSION = 31
LOGIN_URL = "https://login.salesforce.com"

SALESFORCE_DOMAINS = (
    "salesforce.com",
    "force.com",
    "cloudforce.com",
    "salesforce.mil",
    "crmforce.mil",
    "sfcrmproducts.cn",
    "sfcrmapps.cn",
)
"""Domains an ``instance_url`` in a token answer may lie in without having been named by the user."""

SECRETS = frozenset({"client_secret", "private_key", "private_key_passphrase", "refresh_token", "access_token"})
PEM_MARK = "-----BEGIN"


@dataclass(frozen=True, slots=True)
class OrgConfig:
    """Where one org is, and how to speak to it. Holds no secret.

    Args:
        instance_url: the org's My Domain address; None when the login's answer is to say it.
        login_url: the host that issues tokens.
        api_version: pinned (``"67.0"``), never detected: a release of Salesforce must not change an analysis.
        timeout_seconds: longest silence of the org within one request.
        connect_timeout_seconds: longest wait for a connection.
        ca_file: certificates to trust, in PEM form, instead of the usual roots.

    Raises:
        ConfigurationError: a value of the wrong form; InsecureUrl for plain http to another machine.
    """

    instance_url: str | None = None
    login_url: str = LOGIN_URL
    api_version: str = API_VERSION
    timeout_seconds: float = 30.0
    connect_timeout_seconds: float = 10.0
    ca_file: str | None = None

    def __post_init__(self) -> None:
        if self.instance_url is not None:
            object.__setattr__(self, "instance_url", org_url(self.instance_url, "instance_url"))
        object.__setattr__(self, "login_url", org_url(self.login_url, "login_url"))
        object.__setattr__(self, "api_version", api_version(str(self.api_version), "api_version"))
        for name in ("timeout_seconds", "connect_timeout_seconds"):
            object.__setattr__(self, name, seconds(str(getattr(self, name)), name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment or a profile says, checked for form. ``source`` says which of them, in words."""

    source: str
    instance_url: str | None = None
    login_url: str | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    username: str | None = None
    private_key: Secret | None = None
    private_key_passphrase: Secret | None = None
    refresh_token: Secret | None = None
    access_token: Secret | None = None
    api_version: str | None = None
    timeout_seconds: float | None = None
    ca_file: str | None = None
    audience: str | None = None
    misspelt: tuple[str, ...] = ()

    def label(self, setting: str) -> str:
        """The name a user knows the setting by: ``SF_CLIENT_ID``, or ``client_id`` in a profile."""
        return _variable(setting) if self.source == ENVIRONMENT else setting

    def org_config(self) -> OrgConfig:
        """The address part. A login host that is not named is the instance itself, else Salesforce's own."""
        given = {"api_version": self.api_version, "timeout_seconds": self.timeout_seconds, "ca_file": self.ca_file}
        return OrgConfig(
            instance_url=self.instance_url,
            login_url=self.login_url or self.instance_url or LOGIN_URL,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
        )


ENVIRONMENT = "the environment"


# --- the form of single values ---------------------------------------------------------------------------------------


def org_url(value: str, name: str) -> str:
    """``value`` as an origin (``https://acme.my.salesforce.com``): lower case, no path, no trailing slash.

    Plain http is accepted for this machine only. The value is not repeated in messages: it may hold a password.
    """
    wanted = f"{name} must be an address like https://acme.my.salesforce.com"
    if not value.isascii() or re.search(r"[\s\\\x00-\x1f\x7f]", value):
        raise ConfigurationError(f"{wanted}: it holds characters no address has")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigurationError(f"{wanted}: it is not an address") from None
    if parts.scheme not in ("https", "http") or not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host):
        raise ConfigurationError(f"{wanted}: it needs https:// and a host name")
    if "@" in parts.netloc:
        raise ConfigurationError(f"{wanted}: a user name or password does not belong in it")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigurationError(f"{wanted}: leave out what follows the host name")
    if parts.scheme == "http" and not is_loopback(host):
        raise InsecureUrl(f"{name} must start with https://: a token would travel to {host} for everyone to read")
    if host.endswith(".lightning.force.com"):
        raise ConfigurationError(
            f"{name} is the address of pages for people, not of the API",
            hint=f"Use the My Domain address: https://{host.removesuffix('.lightning.force.com')}.my.salesforce.com",
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_local(url: str) -> bool:
    """Whether ``url`` leads to this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def in_salesforce(url: str) -> bool:
    """Whether ``url`` lies in one of Salesforce's own domains."""
    return f".{urlsplit(url).hostname}".endswith(tuple(f".{domain}" for domain in SALESFORCE_DOMAINS))


def answered_instance_url(value: str, vouched: Iterable[str]) -> str:
    """The ``instance_url`` of a token answer, if the token may go there.

    It must lie in Salesforce's domains or on a host in ``vouched`` (addresses the user named); this machine is
    accepted only where one of those is on this machine.

    Raises:
        AuthenticationError: the answer leads elsewhere.
    """
    try:
        url = org_url(value, "instance_url")
    except ConfigurationError as problem:
        fault = AuthenticationError(f"the login's answer cannot be used: {problem.message}")
    else:
        known = tuple(vouched)
        host = urlsplit(url).hostname
        if any(urlsplit(one).hostname == host for one in known) or in_salesforce(url):
            return url
        if is_local(url) and any(map(is_local, known)):
            return url
        fault = AuthenticationError(
            f"the login's answer sends us to {host}, which is no host of Salesforce; the token was not sent there",
            hint="If that host is yours, name it as the instance URL (SF_INSTANCE_URL).",
        )
    raise fault


def api_version(value: str, name: str) -> str:
    """``value`` if it is a version still served, written as Salesforce writes it."""
    if not re.fullmatch(r"[1-9]\d{1,2}\.0", value) or float(value) < OLDEST_API_VERSION:
        raise ConfigurationError(
            f"{name} must be a version of at least {OLDEST_API_VERSION}.0, like {API_VERSION}, not {value[:20]!r}"
        )
    return value


def seconds(value: str, name: str) -> float:
    """``value`` as a finite, positive number of seconds, at most an hour."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number <= 3600:
        raise ConfigurationError(f"{name} must be a number of seconds between 0 and 3600, like 30, not {value[:20]!r}")
    return number


def pem_text(value: Secret, name: str) -> Secret:
    """A private key given as PEM text (also with a literal ``\\n`` for each line end), or as the path of a PEM file."""
    if PEM_MARK in value.reveal():
        return Secret(value.reveal().replace("\\n", "\n"))
    try:
        with Path(value.reveal()).expanduser().open(encoding="ascii") as file:
            content = Secret(file.read())
            open_to_all = os.name == "posix" and os.fstat(file.fileno()).st_mode & stat.S_IROTH
    except (OSError, ValueError, RuntimeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not a text file"
        # The value is not repeated: it may be a key that lost its BEGIN line.
        fault = ConfigurationError(f"{name} is neither PEM text nor the path of a readable PEM file ({reason})")
    else:
        if open_to_all:
            warnings.warn(f"every user of this machine can read the file {name} names; chmod 600 it", stacklevel=2)
        return content
    raise fault


def _text(value: str, name: str) -> str:
    if not value.isprintable():
        raise _unsendable(name)
    return value


def _secret(value: Secret, name: str) -> Secret:
    if not value.reveal().isprintable():
        raise _unsendable(name)
    return value


def _unsendable(name: str) -> ConfigurationError:
    return ConfigurationError(f"{name} holds characters that cannot be sent, such as a line end; was it copied whole?")


SETTINGS: Mapping[str, Callable[[Any, str], Any]] = {
    "instance_url": org_url,
    "login_url": org_url,
    "client_id": _text,
    "client_secret": _secret,
    "username": _text,
    "private_key": pem_text,
    "private_key_passphrase": _secret,
    "refresh_token": _secret,
    "access_token": _secret,
    "api_version": api_version,
    "timeout_seconds": seconds,
    "ca_file": _text,
    "audience": _text,
}
"""Every setting, with the function that reads it: from a `Secret` if it is one of `SECRETS`, else from text."""


def _given(setting: str, value: str) -> str | Secret:
    """``value`` without blanks around it; veiled, unless it is known that ``setting`` is no secret."""
    return value.strip() if setting in SETTINGS and setting not in SECRETS else Secret(value.strip())


# --- where settings come from ----------------------------------------------------------------------------------------


class _Variables:
    """Environment variables, whose values no traceback shows."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def get(self, setting: str) -> str | Secret:
        """The value of the variable that stands for ``setting``; empty where there is none."""
        return _given(setting, self._environ.get(_variable(setting), ""))


def settings_from_env(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in ``SF_…`` variables (`os.environ` unless given). An empty variable is an unset one."""
    variables = _Variables(os.environ if environ is None else environ)
    given = {setting: value for setting in SETTINGS if (value := variables.get(setting))}
    read = {setting: SETTINGS[setting](value, _variable(setting)) for setting, value in given.items()}
    return Settings(source=ENVIRONMENT, misspelt=_misspelt(variables, set(read)), **read)


def settings_from_profile(name: str, path: str | os.PathLike[str] | None = None) -> Settings:
    """The settings of one table of ``profiles.toml`` (see `profiles_path`), keys as in `SETTINGS`.

    Raises:
        ConfigurationError: no such file or profile, an unknown key, a value of the wrong form, or a file with secrets
            in it that other users of the machine may read.
    """
    file = Path(path) if path is not None else profiles_path()
    profiles = _read_profiles(file)
    if name not in profiles:
        raise _no_profile(name, file, profiles)
    profile = profiles[name]
    for key in profile:
        if key not in SETTINGS:
            near = get_close_matches(key, SETTINGS, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known settings: {', '.join(SETTINGS)}."
            raise ConfigurationError(f"profile {name!r} has an unknown setting {key!r}", hint=hint)
    read = {key: SETTINGS[key](value, key) for key, value in profile.items() if value}
    return Settings(source=f"profile {name!r}", **read)


def profile_names() -> list[str]:
    """The names of all profiles; none where the file cannot be read."""
    try:
        return list(_read_profiles(profiles_path()))
    except ConfigurationError:
        return []


def profiles_path() -> Path:
    """``$SFDATA_HOME/profiles.toml``, else the same file in the user's configuration folder."""
    home = os.environ.get("SFDATA_HOME")
    if home:
        return Path(home).expanduser() / "profiles.toml"
    from platformdirs import user_config_path

    return user_config_path("sfdata", appauthor=False) / "profiles.toml"


def _veiled(content: Mapping[str, Any]) -> dict[str, dict[str, str | Secret]]:
    """The tables of a profile file, and no secret in them as text."""
    tables = ((name, table) for name, table in content.items() if isinstance(table, dict))
    return {name: {key: _given(key, str(value)) for key, value in table.items()} for name, table in tables}


def _read_profiles(file: Path) -> dict[str, dict[str, str | Secret]]:
    import tomllib

    try:
        with file.open("rb") as opened:
            profiles = _veiled(tomllib.load(opened))
            shared = _readable_by_others(opened)
    except FileNotFoundError:
        return {}
    except OSError as problem:
        fault = ConfigurationError(f"{file} cannot be read: {problem.strerror}")
    except ValueError as problem:
        # tomllib's messages tell the place, not the text there.
        fault = ConfigurationError(f"{file} is not valid TOML: {problem}")
    else:
        if not (shared and any(_holds_secret(table) for table in profiles.values())):
            return profiles
        fault = ConfigurationError(
            f"{file} holds secrets and other users of this machine may read it", hint=f"Run: chmod 600 {file}"
        )
    # Outside the handlers, so that what tomllib was reading is not kept as the context.
    raise fault


def _no_profile(name: str, file: Path, profiles: Iterable[str]) -> ConfigurationError:
    known = sorted(profiles)
    place = f"{file} has no profile {name!r}; it has: {', '.join(known)}" if known else f"no profile {name!r} in {file}"
    near = get_close_matches(name, [*known, "local"], n=1)
    if "://" in name or name.endswith(".salesforce.com"):
        hint = "An address goes into connect(instance_url=…), or into a profile."
    elif near:
        hint = f"Did you mean {near[0]}?"
    else:
        hint = "'local' is the embedded org; every other name is a table of that file."
    return ConfigurationError(place, hint=hint)


def _readable_by_others(opened: BinaryIO) -> bool:
    return os.name == "posix" and bool(os.fstat(opened.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _holds_secret(table: Mapping[str, str | Secret]) -> bool:
    """A private key given as a path is no secret; the file it names is."""
    secrets = {key: Secret.of(value) for key, value in table.items() if key in SECRETS}
    return any(key != "private_key" or PEM_MARK in value.reveal() for key, value in secrets.items())


def _variable(setting: str) -> str:
    return f"SF_{setting.upper()}"


def _misspelt(environ: Iterable[str], given: set[str]) -> tuple[str, ...]:
    """``SF_CLIENTID (did you mean SF_CLIENT_ID?)`` for each unknown variable close to a setting that is not given."""
    wanted = [_variable(name) for name in SETTINGS if name not in given]
    known = {_variable(name) for name in SETTINGS}
    strangers = sorted(name for name in environ if name.upper().startswith(("SF_", "SFDC_")) and name not in known)
    near = ((name, get_close_matches(name.upper(), wanted, n=1, cutoff=0.8)) for name in strangers)
    meant = [f"{name} (did you mean {match[0]}?)" for name, match in near if match]
    return (*meant, *(f"{name} (no flow takes a password)" for name in strangers if name.upper() in _OF_PASSWORDS))


_OF_PASSWORDS = frozenset({"SF_PASSWORD", "SFDC_PASSWORD", "SF_SECURITY_TOKEN", "SFDC_SECURITY_TOKEN"})
"""What other programs log in with, by SOAP or the password flow, which orgs switch off."""
