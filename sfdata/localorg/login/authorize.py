"""The flows in a browser: an app sends it here, a user approves or denies, the browser takes the answer back.

In the web-server flow that is a code; in the user-agent flow it is the token, in the part of an address that no server
gets to see. Nobody logs in: whoever can open this page sits at this machine, and chooses whom the app is to act for.
The approval is bound to its page by a token that another site's page cannot read.

The vendor's pages: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm and
https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_user_agent_flow.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from sfdata.localorg.instance import Instance
from sfdata.localorg.login.authorization_codes import CHALLENGE, Authorization
from sfdata.localorg.login.connected_apps import OFFLINE, SCOPES, normal_scope
from sfdata.localorg.login.grants import Form, User, approved_by
from sfdata.localorg.login.oauth import form_of, token_body
from sfdata.localorg.pages import fill_each, message, page
from sfdata.localorg.routing import Answer, Refused, Request, Route

PATH = "/services/oauth2/authorize"
SUCCESS_PATH = "/services/oauth2/success"
MOST_USERS = 200
RESPONSE_TYPES = ("code", "token")
WEB = ("http:", "https:")
"""Callbacks of browsers; an app that runs in one is given no refresh token."""

SCOPE_ITEM = "<li>$what <span class='faint'>($name)</span></li>"
USER_CHOICE = '<option value="$id"$selected>$name · $username</option>'


class Shown(Refused):
    """A refusal for the person at the browser, where the app cannot be told: it may not be the app that asked."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(message("OAuth error", f"error={error}&error_description={description}", status))


class ToldTheApp(Refused):
    """A refusal that the browser takes to the app's callback address."""

    def __init__(self, form: Form, error: str, description: str) -> None:
        told = {"error": error, "error_description": description, "state": form.get("state")}
        super().__init__(_redirect(form["redirect_uri"], form.get("response_type", ""), told))


def ask(request: Request) -> Answer:
    """``GET /services/oauth2/authorize``: the page that asks the user."""
    org, form = request.org, request.query
    authorization = _authorization(org, form)
    users = _users(org)
    chosen = _chosen(org, users, form.get("login_hint"))
    scheme = urlsplit(authorization.redirect_uri).scheme
    return page(
        "authorize",
        "Allow access?",
        # A browser asks this of the redirect that answers the form, too.
        form_action=f"'self' {scheme}:",
        organization=org.organization_name,
        app=org.apps[authorization.client_id].name,
        scopes=fill_each(SCOPE_ITEM, ({"name": s, "what": SCOPES[s]} for s in authorization.scope.split())),
        users=fill_each(USER_CHOICE, (_choice(user, chosen) for user in users.values())),
        csrf_token=org.open_pages.issue(authorization),
        callback=_shown_address(authorization.redirect_uri),
    )


def decide(request: Request) -> Answer:
    """``POST /services/oauth2/authorize``: the form of that page; sends the browser back to the app."""
    org, form = request.org, form_of(request)
    authorization = org.open_pages.redeem(form.get("csrf_token", ""))
    if authorization is None:
        raise Shown("invalid_request", "this page has been answered or is too old: go back to the app", 403)
    answer = {**_decided(org, authorization, form), "state": authorization.state}
    return _redirect(authorization.redirect_uri, authorization.response_type, answer)


def _decided(org: Instance, asked: Authorization, form: Form) -> Mapping[str, str]:
    """What the app is told of the user's decision."""
    if form.get("decision") != "approve":
        return {"error": "access_denied", "error_description": "end-user denied authorization"}
    user_id = form.get("user") or org.user_id
    if user_id not in _users(org):
        raise Shown("inactive_user", "user is inactive")
    if asked.response_type == "code":
        return {"code": org.authorization_codes.issue(asked, user_id)}
    offline = OFFLINE in asked.scope.split() and not asked.redirect_uri.startswith(WEB)
    return token_body(org, "token", approved_by(org, user_id, asked, offline=offline))


def success(request: Request) -> Answer:
    """``GET /services/oauth2/success``: where apps without an address of their own let the flow end."""
    denied = "error" in request.query
    return message("Access denied" if denied else "Access allowed", "You can close this window and return to the app.")


# --- what an app asks ------------------------------------------------------------------------------------------------


def _authorization(org: Instance, form: Form) -> Authorization:
    """What the app asks, once it is sure where the answer may go."""
    app = org.apps.get(form.get("client_id", ""))
    if app is None:
        raise Shown("invalid_client_id", "client identifier invalid")
    redirect_uri = form.get("redirect_uri", "")
    if not redirect_uri:
        raise Shown("redirect_uri_missing", "redirect_uri not provided")
    if not app.may_redirect_to(redirect_uri):
        raise Shown("redirect_uri_mismatch", "redirect_uri must match configuration")
    _check_response(form)
    scope = normal_scope(form.get("scope", ""))
    if scope is None:
        raise ToldTheApp(form, "invalid_scope", "the requested scope is invalid, unknown, or malformed")
    return Authorization(
        app.client_id,
        redirect_uri,
        scope,
        form["response_type"],
        state=form.get("state"),
        challenge=_challenge(form),
        nonce=form.get("nonce"),
    )


def _check_response(form: Form) -> None:
    if not form.get("response_type"):
        raise ToldTheApp(form, "invalid_request", "missing required parameter: response_type")
    if form["response_type"] not in RESPONSE_TYPES:
        raise ToldTheApp(form, "unsupported_response_type", "response type not supported")
    if form.get("immediate") == "true" or "none" in form.get("prompt", "").split():
        raise ToldTheApp(form, "immediate_unsuccessful", "immediate unsuccessful")


def _challenge(form: Form) -> str | None:
    """The challenge of PKCE. Without a method it is S256, the only one there is."""
    challenge = form.get("code_challenge")
    if not challenge:
        return None
    if form.get("code_challenge_method", "S256") != "S256":
        raise ToldTheApp(form, "invalid_request", "code challenge method not supported: use S256")
    if not CHALLENGE.fullmatch(challenge):
        raise ToldTheApp(form, "invalid_request", "invalid code challenge")
    return challenge


def _redirect(uri: str, response_type: str, parameters: Mapping[str, str | None]) -> Answer:
    """Send the browser on. What belongs to a token it does not send to the app's server."""
    given = urlencode({name: value for name, value in parameters.items() if value is not None})
    mark = "#" if response_type == "token" else "&" if "?" in uri else "?"
    return Answer(302, headers={"Location": f"{uri}{mark}{given}", "Cache-Control": "no-store"})


# --- whom it is to act for -------------------------------------------------------------------------------------------


def _users(org: Instance) -> Mapping[str, User]:
    """The active users a person may choose, by Id; the administrator, who is the oldest, comes first."""
    found = org.store.find(org.object("User"), "IsActive", 1, limit=MOST_USERS)
    return {user["Id"]: user for user in found if user["UserType"] in (None, "Standard")}


def _chosen(org: Instance, users: Mapping[str, User], login_hint: str | None) -> str:
    hinted = org.user_named(login_hint) if login_hint else None
    return hinted["Id"] if hinted is not None and hinted["Id"] in users else org.user_id


def _choice(user: User, chosen: str) -> dict[str, object]:
    selected = " selected" if user["Id"] == chosen else ""
    return {"id": user["Id"], "name": user["Name"], "username": user["Username"], "selected": selected}


def _shown_address(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


ROUTES: tuple[Route, ...] = (
    Route("GET", PATH, ask, "OAuth authorization page", public=True),
    Route("POST", PATH, decide, "OAuth authorization", public=True),
    Route("GET", SUCCESS_PATH, success, "OAuth success page", public=True),
)
