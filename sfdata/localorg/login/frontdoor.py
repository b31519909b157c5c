"""From a session to a browser: addresses that work once, and the door they lead to.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.frontdoor_singleaccess.htm
"""

from __future__ import annotations

from urllib.parse import urlencode

from sfdata.localorg.login.grants import NO_STORE
from sfdata.localorg.login.identity import IdentityRefusal
from sfdata.localorg.login.oauth import form_of
from sfdata.localorg.login.sessions import bearer_token
from sfdata.localorg.pages import message
from sfdata.localorg.routing import Answer, Request, Route, json_answer

PATH = "/secur/frontdoor.jsp"
SCOPES = frozenset({"web", "full"})
"""One of these lets a session open a browser."""


def single_access(request: Request) -> Answer:
    """``/services/oauth2/singleaccess``: an address that takes a browser into the org, once."""
    form = form_of(request)
    token = form.get("access_token") or bearer_token(request.headers.get("authorization"))
    session = request.org.sessions.find(token) if token else None
    if session is None:
        raise IdentityRefusal(403, "Bad_OAuth_Token")
    if not SCOPES & set(session.scope.split()):
        raise IdentityRefusal(403, "Invalid_Scope")
    query = {"otp": request.org.one_time_passwords.issue(session), "startURL": form.get("redirect_uri")}
    address = f"{request.org.instance_url}{PATH}?{urlencode({k: v for k, v in query.items() if v})}"
    return json_answer({"frontdoor_uri": address}, headers=NO_STORE)


def front_door(request: Request) -> Answer:
    """``GET /secur/frontdoor.jsp``: in with a one-time password or a session. All there is to see is the status page,
    whatever page was asked for."""
    org, form = request.org, form_of(request)
    if org.one_time_passwords.redeem(form.get("otp", "")) is None and org.sessions.find(form.get("sid", "")) is None:
        return message("This address is used up", "It opens the org once, shortly after it was made.", 403)
    return Answer(302, headers={"Location": "/", "Cache-Control": "no-store"})


ROUTES: tuple[Route, ...] = (
    Route("POST", "/services/oauth2/singleaccess", single_access, "Single-access address", public=True),
    Route("GET", "/services/oauth2/singleaccess", single_access, "Single-access address", public=True),
    Route("GET", PATH, front_door, "Front door", public=True),
    Route("POST", PATH, front_door, "Front door", public=True),
)
