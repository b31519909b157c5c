"""The connected apps of the org: who may ask for tokens, where codes may be sent, what scopes there are.

Two apps: the one whose id and secret the org hands out at its start, and the Salesforce CLI, which every org knows.
The vendor's page: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_tokens_scopes.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sfdata.localorg.login.credentials import Credentials, random_text

SCOPES: Mapping[str, str] = {
    "refresh_token": "Perform requests at any time",
    "full": "Full access",
    "api": "Manage user data via APIs",
    "id": "Access the identity URL service",
    "web": "Manage user data via web browsers",
    "openid": "Access unique user identifiers",
    "profile": "Access the profile of the user",
    "email": "Access the e-mail address of the user",
    "address": "Access the address of the user",
    "phone": "Access the phone number of the user",
    "chatter_api": "Access Chatter resources",
    "content": "Access content resources",
    "custom_permissions": "Access custom permissions",
    "visualforce": "Access Visualforce applications",
    "lightning": "Access Lightning applications",
    "wave_api": "Access Analytics resources",
    "eclair_api": "Access Analytics charts",
    "pardot_api": "Manage Pardot services",
}
"""Scope: what it lets an app do, in the words of the approval page. A token's scopes are listed in this order."""

ALIASES = {"offline_access": "refresh_token"}
OFFLINE = "refresh_token"
DEFAULT_SCOPE = "refresh_token api id web"
"""The scopes assigned to each app: what an authorization that names none is given."""

CLI_REDIRECT_URI = "http://localhost:1717/OauthRedirect"
LOOPBACK = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?(/[!-~]*)?", re.ASCII)
NEVER_IN_A_REDIRECT = re.compile(r"[#\\]")


@dataclass(frozen=True, slots=True)
class ConnectedApp:
    """One app. ``redirect_uris`` are the callback addresses registered for it."""

    client_id: str
    name: str
    secret: str = field(repr=False)
    redirect_uris: frozenset[str]

    def may_redirect_to(self, uri: str) -> bool:
        """Whether codes may be sent to ``uri``: a registered address, exactly as registered, or this machine.

        Native apps listen on a port that is free at the time, so any loopback address is as good as registered
        (RFC 8252, 7.3); nothing leaves the machine.
        """
        if uri in self.redirect_uris:
            return True
        return LOOPBACK.fullmatch(uri) is not None and not NEVER_IN_A_REDIRECT.search(uri)


def connected_apps(credentials: Credentials, redirect_uris: Iterable[str]) -> Mapping[str, ConnectedApp]:
    """The apps of an org by client id; ``redirect_uris`` are registered for the org's own."""
    registered = frozenset({CLI_REDIRECT_URI, *redirect_uris})
    own = ConnectedApp(credentials.client_id, "Local App", credentials.client_secret, registered)
    # It is a public client: nobody knows its secret.
    cli = ConnectedApp("PlatformCLI", "Salesforce CLI", random_text(64), frozenset({CLI_REDIRECT_URI}))
    return {app.client_id: app for app in (own, cli)}


def normal_scope(given: str) -> str | None:
    """The scopes in ``given`` in the order of `SCOPES`, the default ones for none; None where one is unknown."""
    wanted = {ALIASES.get(name, name) for name in given.split()} or set(DEFAULT_SCOPE.split())
    if not wanted <= SCOPES.keys():
        return None
    return " ".join(name for name in SCOPES if name in wanted)
