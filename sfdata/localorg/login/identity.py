"""Who is logged in: the identity document, OpenID userinfo and discovery.

The vendor's pages: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_openid.htm and
https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_userinfo_endpoint.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sfdata.localorg.ids import normalize
from sfdata.localorg.instance import Instance
from sfdata.localorg.login.connected_apps import SCOPES
from sfdata.localorg.login.grants import GRANTS, TOKEN_PATH, User
from sfdata.localorg.login.id_token import ALGORITHM, KEYS_PATH
from sfdata.localorg.login.sessions import bearer_token
from sfdata.localorg.routing import Answer, Refused, Request, Route, json_answer
from sfdata.localorg.versions import NEWEST

URLS: Mapping[str, str] = {
    "enterprise": "/services/Soap/c/{version}/{org15}",
    "metadata": "/services/Soap/m/{version}/{org15}",
    "partner": "/services/Soap/u/{version}/{org15}",
    "rest": "/services/data/v{version}/",
    "sobjects": "/services/data/v{version}/sobjects/",
    "search": "/services/data/v{version}/search/",
    "query": "/services/data/v{version}/query/",
    "recent": "/services/data/v{version}/recent/",
    "tooling_soap": "/services/Soap/T/{version}/{org15}",
    "tooling_rest": "/services/data/v{version}/tooling/",
    "profile": "/{user}",
    "feeds": "/services/data/v{version}/chatter/feeds",
    "groups": "/services/data/v{version}/chatter/groups",
    "users": "/services/data/v{version}/chatter/users",
    "feed_items": "/services/data/v{version}/chatter/feed-items",
    "feed_elements": "/services/data/v{version}/chatter/feed-elements",
    "custom_domain": "",
}
PHOTO = "/profilephoto/005/"


class IdentityRefusal(Refused):
    """These endpoints refuse in one plain word."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(Answer(status, word.encode(), "text/plain;charset=UTF-8"))


def identity_url(org: Instance, user_id: str) -> str:
    """Where the identity document of a user is."""
    return f"{org.instance_url}/id/{org.org_id}/{user_id}"


def identity(request: Request) -> Answer:
    """``GET /id/ORG/USER``: the identity document; ``version=latest`` (or a number) fills in the URLs."""
    org = request.org
    _logged_in(request)
    if normalize(request.args["organization"]) != org.org_id:
        raise IdentityRefusal(403, "Wrong_Org")
    user = _user(org, normalize(request.args["user"]))
    version = request.query.get("version")
    return json_answer(_document(org, user, f"{NEWEST}.0" if version == "latest" else version))


def userinfo(request: Request) -> Answer:
    """``/services/oauth2/userinfo``: OpenID claims of the session's user."""
    return json_answer(_claims(request.org, _user(request.org, _logged_in(request))))


def discovery(request: Request) -> Answer:
    """``/.well-known/openid-configuration``: the endpoints that are served here."""
    base = request.org.instance_url
    return json_answer(
        {
            "issuer": base,
            "authorization_endpoint": f"{base}/services/oauth2/authorize",
            "token_endpoint": f"{base}{TOKEN_PATH}",
            "revocation_endpoint": f"{base}/services/oauth2/revoke",
            "userinfo_endpoint": f"{base}/services/oauth2/userinfo",
            "introspection_endpoint": f"{base}/services/oauth2/introspect",
            "jwks_uri": f"{base}{KEYS_PATH}",
            "grant_types_supported": sorted(GRANTS),
            "response_types_supported": ["code", "token"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": list(SCOPES),
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
        }
    )


def _logged_in(request: Request) -> str:
    """The user of the session, by ``Authorization`` header or ``oauth_token`` parameter."""
    token = bearer_token(request.headers.get("authorization")) or request.query.get("oauth_token")
    if not token:
        raise IdentityRefusal(403, "Missing_OAuth_Token")
    session = request.org.sessions.find(token)
    if session is None:
        raise IdentityRefusal(403, "Bad_OAuth_Token")
    return session.user_id


def _user(org: Instance, user_id: str | None) -> User:
    user = org.user(user_id) if user_id else None
    if user is None:
        raise IdentityRefusal(404, "Bad_Id")
    if not user.get("IsActive"):
        raise IdentityRefusal(404, "Inactive")
    return user


def _document(org: Instance, user: User, version: str | None) -> dict[str, Any]:
    own = identity_url(org, user["Id"])
    return {
        "id": own,
        "asserted_user": True,
        "user_id": user["Id"],
        "organization_id": org.org_id,
        "username": user["Username"],
        "nick_name": user.get("CommunityNickname"),
        "display_name": user.get("Name"),
        "email": user.get("Email"),
        "email_verified": True,
        "first_name": user.get("FirstName"),
        "last_name": user.get("LastName"),
        "timezone": user.get("TimeZoneSidKey"),
        "photos": _photos(org),
        "addr_street": user.get("Street"),
        "addr_city": user.get("City"),
        "addr_state": user.get("State"),
        "addr_country": user.get("Country"),
        "addr_zip": user.get("PostalCode"),
        "mobile_phone": user.get("MobilePhone"),
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": _urls(org, user["Id"], version),
        **_standing(user),
        "last_modified_date": user.get("LastModifiedDate"),
    }


def _claims(org: Instance, user: User) -> dict[str, Any]:
    return {
        "sub": identity_url(org, user["Id"]),
        "user_id": user["Id"],
        "organization_id": org.org_id,
        "preferred_username": user["Username"],
        "nickname": user.get("CommunityNickname"),
        "name": user.get("Name"),
        "email": user.get("Email"),
        "email_verified": True,
        "given_name": user.get("FirstName"),
        "family_name": user.get("LastName"),
        "zoneinfo": user.get("TimeZoneSidKey"),
        "photos": _photos(org),
        "profile": f"{org.instance_url}/{user['Id']}",
        "picture": f"{org.instance_url}{PHOTO}F",
        "address": _address(user),
        "urls": _urls(org, user["Id"], None),
        **_standing(user),
        "updated_at": (user.get("LastModifiedDate") or "").replace(".000+0000", "Z"),
        "is_salesforce_integration_user": False,
    }


def _standing(user: User) -> dict[str, Any]:
    """The keys both answers share."""
    return {
        "active": True,
        "user_type": (user.get("UserType") or "Standard").upper(),
        "language": user.get("LanguageLocaleKey"),
        "locale": user.get("LocaleSidKey"),
        "utcOffset": _utc_offset(user.get("TimeZoneSidKey") or "GMT"),
        "is_app_installed": True,
    }


def _address(user: User) -> dict[str, Any]:
    parts = {"street_address": "Street", "locality": "City", "region": "State", "postal_code": "PostalCode"}
    found = {claim: user.get(name) for claim, name in {**parts, "country": "Country"}.items()}
    return {claim: value for claim, value in found.items() if value}


def _photos(org: Instance) -> dict[str, str]:
    return {"picture": f"{org.instance_url}{PHOTO}F", "thumbnail": f"{org.instance_url}{PHOTO}T"}


def _urls(org: Instance, user_id: str, version: str | None) -> dict[str, str]:
    """``{version}`` stays as it is unless a version is given; clients fill it in."""
    parts = {"version": version or "{version}", "org15": org.org_id[:15], "user": user_id}
    return {name: org.instance_url + path.format(**parts) for name, path in URLS.items()}


def _utc_offset(time_zone: str) -> int:
    """Milliseconds east of Greenwich in standard time."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return 0
    now = datetime.now(zone)
    standard = (now.utcoffset() or timedelta()) - (now.dst() or timedelta())
    return standard // timedelta(milliseconds=1)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/id/{organization}/{user}", identity, "Identity document", public=True),
    Route("GET", "/services/oauth2/userinfo", userinfo, "OpenID userinfo", public=True),
    Route("POST", "/services/oauth2/userinfo", userinfo, "OpenID userinfo", public=True),
    Route("GET", "/.well-known/openid-configuration", discovery, "OpenID discovery", public=True),
)
