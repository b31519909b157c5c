"""The ways to log in: each flow builds the form of its token request and reads the answer. Nothing here is sent.

https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flows.htm
"""

from __future__ import annotations

import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sfdata.auth.exchange import Token, TokenAnswer, TokenRequest, lifetime_in
from sfdata.auth.signing_key import SigningKey
from sfdata.config import LOGIN_URL, Settings, answered_instance_url, in_salesforce, is_local, org_url
from sfdata.error_codes import response_error
from sfdata.errors import ConfigurationError, LoginRefused, LoginRequired, MissingCredentials, UnreadableAnswer
from sfdata.secret import Secret, in_clear

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
ASSERTION_SECONDS = 180
"""How long a JWT assertion is good for: Salesforce takes three minutes at most."""

LOG_IN_AGAIN = (
    "The refresh token was revoked, used up or has expired: log in again in a browser, and give the new one to "
    "SF_REFRESH_TOKEN. Where the org rotates refresh tokens, connect(…, remember=True) keeps the newest."
)

DESCRIPTION_HINTS: Mapping[str, str] = {
    "user hasn't approved this consumer": "Approve the app once: pre-authorise the user's profile or a permission set "
    "in the app's policies, or log in once interactively.",
    "audience validation failed": "The audience must be https://login.salesforce.com for production and "
    "https://test.salesforce.com for sandboxes; SF_AUDIENCE overrides it, SF_LOGIN_URL decides it.",
    "expired authorization code": "For a JWT this means that the assertion has expired: check this computer's clock.",
    "expired access/refresh token": LOG_IN_AGAIN,
    "invalid assertion": "Check that SF_PRIVATE_KEY belongs to the certificate uploaded to the app, and SF_CLIENT_ID "
    "and SF_USERNAME to this org.",
    "invalid jwt signature": "SF_PRIVATE_KEY does not belong to the certificate uploaded to the app.",
    "inactive user": "The user is inactive or frozen.",
    "request not supported on this domain": "Client credentials work only on the org's My Domain address: "
    "set SF_LOGIN_URL or SF_INSTANCE_URL to https://….my.salesforce.com.",
    "no client credentials user enabled": "The app needs a 'Run As' user for the client credentials flow.",
    "authentication failure": "Wrong user or password, a locked user, an address outside the allowed range, or a flow "
    "that the org has switched off.",
}
"""What helps with an ``error_description``, by a part of it in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(ABC):
    """A login by a token request; the flows below differ in the form they post.

    A grant is ``repeatable`` unless a lost answer may have used it up.
    """

    login_url: str = LOGIN_URL

    name: ClassVar[str]
    repeatable: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _set(self, login_url=org_url(self.login_url, "login_url"))

    @abstractmethod
    def form(self, now: float) -> dict[str, str | Secret]:
        """The parameters of the grant; ``now`` is epoch seconds."""

    @abstractmethod
    def marks(self) -> tuple[str | Secret | None, ...]:
        """What tells this login from all others of its kind."""

    def digest(self) -> str:
        """64 hexadecimal digits that stand for this login and do not tell its secrets."""
        return sha256(b"".join(map(_digest, (self.name, *self.marks())))).hexdigest()

    def refusal(self, status: int, error: str, description: str) -> LoginRefused:
        """The exception for an OAuth error."""
        said = description or "the login was refused"
        return LoginRefused(said, error_code=error, status=status, hint=_hint(description))

    def token_request(self, now: float) -> TokenRequest:
        """The request to post at epoch second ``now``."""
        return TokenRequest(self.login_url, TOKEN_PATH, self.form(now), self.repeatable)

    def read_answer(self, answer: TokenAnswer, vouched: Iterable[str] = ()) -> Token:
        """The token in ``answer``; ``vouched`` are addresses the user named (see `answered_instance_url`).

        Raises:
            LoginRefused: with the OAuth ``error`` and, for known reasons, the next step.
            UnreadableAnswer: neither a token nor an OAuth error.
        """
        content = _content(answer)
        if answer.status == 200 and content.get("access_token") and isinstance(content.get("instance_url"), str):
            return Token(
                access=content["access_token"],
                instance_url=answered_instance_url(content["instance_url"], (self.login_url, *vouched)),
                identity_url=content.get("id") if isinstance(content.get("id"), str) else None,
                refresh=content.get("refresh_token"),
                lifetime=lifetime_in(content["access_token"]),
            )
        if answer.status >= 500:
            raise response_error(answer.status, [])
        if content.get("error"):
            raise self.refusal(answer.status, content["error"], content["error_description"])
        raise UnreadableAnswer(
            f"the login host answered with status {answer.status}, but neither with a token nor with an OAuth error",
            status=answer.status,
            hint=f"Is {self.login_url} the address of a Salesforce login? SF_LOGIN_URL sets it.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtBearer(Grant):
    """Server to server with a private key: no password, no browser.

    Args:
        client_id: the consumer key of the app.
        username: whom to log in; the app must be approved for this user beforehand.
        private_key: the RSA key whose certificate the app holds, as PEM text or as the path of a PEM file.
        passphrase: of an encrypted key.
        login_url: ``https://login.salesforce.com``, ``https://test.salesforce.com`` or a My Domain address.
        audience: overrides the ``aud`` that follows from ``login_url``.
    """

    client_id: str
    username: str
    private_key: str | os.PathLike[str] | Secret | SigningKey
    passphrase: str | Secret | None = None
    audience: str | None = None

    name: ClassVar[str] = "JWT bearer"

    def __post_init__(self) -> None:
        Grant.__post_init__(self)
        given = self.private_key if isinstance(self.private_key, Secret | SigningKey) else os.fspath(self.private_key)
        audience = self.audience or jwt_audience(self.login_url)
        _set(self, private_key=SigningKey.of(given, self.passphrase), passphrase=None, audience=audience)
        _check_audience(audience, self.login_url)

    def form(self, now: float) -> dict[str, str | Secret]:
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self.assertion(now)}

    def assertion(self, now: float) -> Secret:
        """The signed JWT (RS256) that asks for a token at epoch second ``now``.

        Raises:
            ConfigurationError: the key cannot be used; the message says why and never shows it.
        """
        assert isinstance(self.private_key, SigningKey)
        exp = int(now) + ASSERTION_SECONDS
        return self.private_key.sign({"iss": self.client_id, "sub": self.username, "aud": self.audience, "exp": exp})

    def marks(self) -> tuple[str | Secret | None, ...]:
        assert isinstance(self.private_key, SigningKey)
        return (self.login_url, self.client_id, self.username, self.audience, self.private_key.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials(Grant):
    """An app that acts as its own 'Run As' user. ``login_url`` must be the org's My Domain address."""

    client_id: str
    client_secret: str | Secret

    name: ClassVar[str] = "client credentials"

    def __post_init__(self) -> None:
        Grant.__post_init__(self)
        _set(self, client_secret=Secret.of(self.client_secret))

    def form(self, now: float) -> dict[str, str | Secret]:
        return {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }

    def marks(self) -> tuple[str | Secret | None, ...]:
        return (self.login_url, self.client_id, self.client_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken(Grant):
    """A login made interactively before, kept alive. Where the org rotates refresh tokens, the newest is used."""

    client_id: str
    refresh_token: str | Secret
    client_secret: str | Secret | None = None

    name: ClassVar[str] = "refresh token"
    repeatable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        Grant.__post_init__(self)
        client_secret = None if self.client_secret is None else Secret.of(self.client_secret)
        _set(self, refresh_token=Secret.of(self.refresh_token), client_secret=client_secret)

    def form(self, now: float) -> dict[str, str | Secret]:
        form: dict[str, str | Secret] = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "refresh_token": self.refresh_token,
        }
        if self.client_secret is not None:
            form["client_secret"] = self.client_secret
        return form

    def marks(self) -> tuple[str | Secret | None, ...]:
        return (self.client_id, self.refresh_token)

    def refusal(self, status: int, error: str, description: str) -> LoginRefused:
        """`LoginRequired` where the refresh token itself is what is refused, and not its user or its app."""
        if error != "invalid_grant" or _hint(description) not in (None, LOG_IN_AGAIN):
            return Grant.refusal(self, status, error, description)
        said = description or "the refresh token was refused"
        return LoginRequired(said, error_code=error, status=status, hint=LOG_IN_AGAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A session somebody else opened, such as the sf CLI's. It cannot be renewed."""

    access_token: str | Secret
    instance_url: str

    name: ClassVar[str] = "access token"

    def __post_init__(self) -> None:
        _set(self, access_token=Secret.of(self.access_token), instance_url=org_url(self.instance_url, "instance_url"))
        if Secret.of(self.access_token).reveal().startswith("[REDACTED]"):
            raise ConfigurationError(
                "the access token was blacked out by the sf CLI", hint="sf org auth show-access-token --json shows it."
            )
        if not _is_token(self.access_token):
            raise ConfigurationError("the access token holds characters no token has; was it copied whole?")

    @property
    def login_url(self) -> str:
        return self.instance_url

    def token(self) -> Token:
        """The token as given."""
        return Token(access=Secret.of(self.access_token), instance_url=self.instance_url)


Flow = JwtBearer | ClientCredentials | RefreshToken | AccessToken


# --- which flow the settings ask for ---------------------------------------------------------------------------------

NEEDS: Mapping[str, tuple[str, ...]] = {
    AccessToken.name: ("access_token", "instance_url"),
    JwtBearer.name: ("client_id", "username", "private_key"),
    RefreshToken.name: ("client_id", "refresh_token"),
    ClientCredentials.name: ("client_id", "client_secret"),
}
"""What each flow needs, in order of precedence: the most particular credential wins."""


def flow_from_settings(settings: Settings) -> Flow:
    """The first flow of `NEEDS` for which ``settings`` hold everything.

    Raises:
        MissingCredentials: no flow is complete; the message lists what each one lacks.
    """
    for name, needs in NEEDS.items():
        if all(getattr(settings, need) is not None for need in needs):
            return _flow(name, settings)
    raise _missing(settings)


def _flow(name: str, settings: Settings) -> Flow:
    login_url = settings.org_config().login_url
    given: dict[str, Any] = {need: getattr(settings, need) for need in NEEDS[name]}
    if name == AccessToken.name:
        return AccessToken(**given)
    if name == JwtBearer.name:
        given |= {"passphrase": settings.private_key_passphrase, "audience": settings.audience}
        return JwtBearer(login_url=login_url, **given)
    if name == RefreshToken.name:
        return RefreshToken(login_url=login_url, client_secret=settings.client_secret, **given)
    return ClientCredentials(login_url=login_url, **given)


def _missing(settings: Settings) -> MissingCredentials:
    lines = []
    for name, needs in NEEDS.items():
        absent = [settings.label(need) for need in needs if getattr(settings, need) is None]
        present = [settings.label(need) for need in needs if getattr(settings, need) is not None]
        has = f" (has {', '.join(present)})" if present else ""
        lines.append(f"  {name}: missing {', '.join(absent)}{has}")
    lines += [f"  found beside: {', '.join(settings.misspelt)}"] if settings.misspelt else []
    return MissingCredentials(
        f"{settings.source} does not say who is logging in; each way to log in lacks something\n" + "\n".join(lines),
        hint='sfdata.connect("local") needs no credentials: it is an org on this machine.',
    )


# --- parts -----------------------------------------------------------------------------------------------------------


def jwt_audience(login_url: str) -> str:
    """The ``aud`` a login host expects: Salesforce's production or sandbox login, or the host itself elsewhere.

    https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm
    """
    host = urlsplit(login_url).hostname or ""
    if not in_salesforce(login_url):
        return login_url
    if host == "test.salesforce.com" or ".sandbox.my." in host or ".scratch.my." in host:
        return "https://test.salesforce.com"
    return LOGIN_URL


def _check_audience(audience: str, login_url: str) -> None:
    """Refuse an assertion that would be good at Salesforce's, but goes to somebody else, who could use it there.

    Raises:
        ConfigurationError: the audience is neither the login host nor, for logins there or here, Salesforce.
    """
    if not audience.startswith("https://") and not is_local(audience):
        raise ConfigurationError("audience must be an address like https://login.salesforce.com (SF_AUDIENCE)")
    if urlsplit(audience).hostname == urlsplit(login_url).hostname:
        return
    if not in_salesforce(audience) or not (in_salesforce(login_url) or is_local(login_url)):
        raise ConfigurationError(
            f"an assertion for {urlsplit(audience).hostname} does not belong at {urlsplit(login_url).hostname}",
            hint="SF_AUDIENCE and SF_LOGIN_URL name one host, or both lie at Salesforce.",
        )


def _digest(mark: str | Secret | None) -> bytes:
    return sha256(in_clear(mark or "").encode(errors="replace")).digest()


def _hint(description: str) -> str | None:
    return next((hint for part, hint in DESCRIPTION_HINTS.items() if part in description.lower()), None)


def _content(answer: TokenAnswer) -> dict[str, Any]:
    """The JSON object in ``answer``, its tokens wrapped and its words cleaned; an empty one if there is none."""
    try:
        # Wrapped while it is read, so that a traceback with local variables shows no token either.
        content = json.loads(answer.body, object_hook=_veiled)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return content | {name: _clean(content.get(name), answer.sent) for name in ("error", "error_description")}


def _veiled(content: dict[str, Any]) -> dict[str, Any]:
    for name in ("access_token", "refresh_token", "id_token"):
        content[name] = Secret(content[name]) if _is_token(content.get(name)) else None
    return content


def _clean(text: object, secrets: Iterable[Secret]) -> str:
    """``text`` without the secrets it was sent and without what a terminal would obey; empty for anything else."""
    if not isinstance(text, str):
        return ""
    for secret in secrets:
        text = secret.masked_in(text)
    return "".join(char for char in text if char.isprintable())[:300]


def _is_token(value: object) -> bool:
    """Whether ``value`` can stand in a header: visible ASCII, no space."""
    text = value.reveal() if isinstance(value, Secret) else value
    return isinstance(text, str) and re.fullmatch(r"[!-~]+", text) is not None


def _set(flow: object, **values: object) -> None:
    """Fill in the fields of a frozen flow while it is being made."""
    for name, value in values.items():
        object.__setattr__(flow, name, value)
