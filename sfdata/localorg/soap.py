"""SOAP ``login()`` of the partner and enterprise APIs, which older clients use for user name and password.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_login.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from sfdata.localorg.grants import User, check_password
from sfdata.localorg.instance import Instance
from sfdata.localorg.routing import Answer, Refused, Request, Route
from sfdata.localorg.versions import OLDEST

WITHOUT_LOGIN = 65
"""``login()`` is absent from this version on."""

XML = "text/xml;charset=UTF-8"
NAMESPACES = {"u": "urn:partner.soap.sforce.com", "c": "urn:enterprise.soap.sforce.com"}
FAULT_NAMESPACE = "urn:fault.partner.soap.sforce.com"
INVALID_LOGIN = "Invalid username, password, security token; or user locked out."


class Fault(Refused):
    """A SOAP fault: Salesforce's exception code and message, with status 500."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(Answer(500, _fault(code, escape(message)), XML))


def call(request: Request) -> Answer:
    """``POST /services/Soap/u/VERSION``: ``login`` is the one operation there is."""
    _check_version(request.args["version"])
    operation = _operation(request.body)
    name = _local_name(operation)
    if name != "login":
        raise Fault("INVALID_OPERATION", f"No operation available for request {name}")
    given = {_local_name(part): (part.text or "").strip() for part in operation}
    return Answer(200, _logged_in(request, given.get("username", ""), given.get("password", "")), XML)


def _check_version(version: str) -> None:
    form = re.fullmatch(r"(\d{1,3})(?:\.0)?", version)
    if form is None or not OLDEST <= int(form[1]) < WITHOUT_LOGIN:
        raise Fault(
            "UNSUPPORTED_API_VERSION", f"login() is served from {OLDEST}.0 to {WITHOUT_LOGIN - 1}.0, not in {version}"
        )


def _operation(body: bytes) -> ElementTree.Element:
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Fault("INVALID_SOAP_BODY", "A document type is not allowed")
    try:
        envelope = ElementTree.fromstring(body)  # noqa: S314 - entities cannot be declared, see above
    except (ElementTree.ParseError, ValueError, LookupError):
        raise Fault("INVALID_SOAP_BODY", "The request is not a SOAP envelope") from None
    content = next((part for part in envelope if _local_name(part) == "Body"), None)
    if content is None or not len(content):
        raise Fault("INVALID_SOAP_BODY", "The SOAP body is empty")
    return content[0]


def _local_name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _logged_in(request: Request, username: str, password: str) -> bytes:
    org = request.org
    user = org.user_named(username)
    if not check_password(org, user, password) or user is None or not user.get("IsActive"):
        raise Fault("INVALID_LOGIN", INVALID_LOGIN)
    token, _ = org.sessions.issue(user["Id"], "soap login", "api web id")
    path = f"/services/Soap/{request.args['api']}/{request.args['version']}/{org.org_id[:15]}"
    result = {
        "metadataServerUrl": f"{org.instance_url}/services/Soap/m/{request.args['version']}/{org.org_id[:15]}",
        "passwordExpired": False,
        "sandbox": False,
        "serverUrl": f"{org.instance_url}{path}",
        "sessionId": token,
        "userId": user["Id"],
        "userInfo": _user_info(org, user),
    }
    namespace = NAMESPACES[request.args["api"].lower()]
    return _envelope(f'<loginResponse xmlns="{namespace}"><result>{_elements(result)}</result></loginResponse>')


def _user_info(org: Instance, user: User) -> dict[str, Any]:
    return {
        "accessibilityMode": False,
        "currencySymbol": "$",
        "orgDefaultCurrencyIsoCode": "USD",
        "orgHasPersonAccounts": False,
        "organizationId": org.org_id,
        "organizationMultiCurrency": False,
        "organizationName": org.organization_name,
        "profileId": user.get("ProfileId"),
        "roleId": user.get("UserRoleId"),
        "sessionSecondsValid": int(org.options.session_seconds),
        "userDefaultCurrencyIsoCode": None,
        "userEmail": user.get("Email"),
        "userFullName": user.get("Name"),
        "userId": user["Id"],
        "userLanguage": user.get("LanguageLocaleKey"),
        "userLocale": user.get("LocaleSidKey"),
        "userName": user["Username"],
        "userTimeZone": user.get("TimeZoneSidKey"),
        "userType": user.get("UserType") or "Standard",
        "userUiSkin": "Theme3",
    }


def _elements(values: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_content(value)}</{name}>" for name, value in values.items() if value is not None)


def _content(value: Any) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    return escape(str(value).lower() if isinstance(value, bool) else str(value))


def _fault(code: str, message: str) -> bytes:
    return _envelope(
        f"<soapenv:Fault><faultcode>{code}</faultcode><faultstring>{code}: {message}</faultstring>"
        f'<detail><sf:LoginFault xmlns:sf="{FAULT_NAMESPACE}"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
    )


def _envelope(content: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>"
    ).encode()


ROUTES: tuple[Route, ...] = tuple(
    Route("POST", f"/services/Soap/{{api}}/{{version}}{tail}", call, "SOAP login", public=True)
    for tail in ("", "/{organization}")
)
