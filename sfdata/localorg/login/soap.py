"""The SOAP API's calls about users: ``login()``, which older clients use, ``logout()``, user information, passwords.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_login.htm
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from sfdata.localorg import unbuilt
from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.ids import normalize
from sfdata.localorg.instance import Instance
from sfdata.localorg.login import passwords
from sfdata.localorg.login.grants import User
from sfdata.localorg.login.sessions import Session
from sfdata.localorg.routing import Answer, Refused, Request, Route, json_answer
from sfdata.localorg.versions import NEWEST, OLDEST
from sfdata.localorg.xml_forms import DECLARATION, INSTANCE, xml_text
from sfdata.localorg.xml_reading import XmlRefused, local_name, read_xml

LAST_WITH_LOGIN = 64
"""The newest version whose API has ``login()``."""

XML = "text/xml;charset=UTF-8"
NAMESPACES = {"u": "urn:partner.soap.sforce.com", "c": "urn:enterprise.soap.sforce.com"}
FAULT_NAMESPACE = "urn:fault.partner.soap.sforce.com"
INVALID_LOGIN = "Invalid username, password, security token; or user locked out."


class Fault(Refused):
    """A SOAP fault: Salesforce's exception code and message, with status 500 where nothing else is said."""

    def __init__(self, code: str, message: str, status: int = 500) -> None:
        super().__init__(Answer(status, _fault(code, xml_text(message)), XML))


def call(request: Request) -> Answer:
    """``POST /services/Soap/u/VERSION``: the operation that the envelope's body names."""
    try:
        namespace = _namespace(request)
        envelope = _envelope_of(request.body)
        operation = _operation(envelope)
        name = local_name(operation)
        handler, newest = _found(name)
        _check_version(name, request.args["version"], newest)
        result = handler(request, envelope, operation)
    except ApiError as refusal:
        raise Fault(refusal.error_code, refusal.message, max(refusal.status, 500)) from None
    return Answer(200, _wrapped(f'<{name}Response xmlns="{namespace}">{result}</{name}Response>'), XML)


def login(request: Request, envelope: Element, operation: Element) -> str:
    """A session for user name and password, within the organization that the header may name."""
    org, given = request.org, _arguments(operation)
    user = org.user_named(given.get("username", ""))
    scope = _text(envelope, "organizationId")
    strange = scope is not None and normalize(scope) != org.org_id
    if user is None or strange or not org.passwords.fits(user["Id"], given.get("password", "")) or not user["IsActive"]:
        raise Fault("INVALID_LOGIN", INVALID_LOGIN)
    token, _ = org.sessions.issue(user["Id"], "soap login", "api id web")
    soap, place = f"{org.instance_url}/services/Soap", f"{request.args['version']}/{org.org_id[:15]}"
    result = {
        "metadataServerUrl": f"{soap}/m/{place}",
        "passwordExpired": False,
        "sandbox": org.options.sandbox,
        "serverUrl": f"{soap}/{request.args['api']}/{place}",
        "sessionId": token,
        "userId": user["Id"],
        "userInfo": _user_info(org, user),
    }
    return f"<result>{_elements(result)}</result>"


def logout(request: Request, envelope: Element, operation: Element) -> str:
    """The end of the session that the header names."""
    _session(request, envelope)
    request.org.sessions.revoke(_text(envelope, "sessionId") or "")
    return ""


def get_user_info(request: Request, envelope: Element, operation: Element) -> str:
    """Who the session belongs to."""
    org, session = request.org, _session(request, envelope)
    user = org.user(session.user_id)
    if user is None:
        raise not_found()
    return f"<result>{_elements(_user_info(org, user))}</result>"


def get_server_timestamp(request: Request, envelope: Element, operation: Element) -> str:
    """The org's time."""
    _session(request, envelope)
    now = request.org.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"<result><timestamp>{now}</timestamp></result>"


def set_password(request: Request, envelope: Element, operation: Element) -> str:
    """A password that the administrator has thought of."""
    _session(request, envelope)
    passwords.change(request.org, _user_id(request, operation), _arguments(operation).get("password", ""))
    return "<result/>"


def reset_password(request: Request, envelope: Element, operation: Element) -> str:
    """A random password."""
    _session(request, envelope)
    password = passwords.reset(request.org, _user_id(request, operation))
    return f"<result>{_elements({'password': password})}</result>"


OPERATIONS: Mapping[str, tuple[Callable[[Request, Element, Element], str], int]] = {
    "login": (login, LAST_WITH_LOGIN),
    "logout": (logout, NEWEST),
    "getUserInfo": (get_user_info, NEWEST),
    "getServerTimestamp": (get_server_timestamp, NEWEST),
    "setPassword": (set_password, NEWEST),
    "resetPassword": (reset_password, NEWEST),
}
"""Operation: its handler and the newest version that has it."""


def _namespace(request: Request) -> str:
    """The namespace of the API that the path names, unless it is another than those of `NAMESPACES`."""
    namespace = NAMESPACES.get(request.args["api"].lower())
    if namespace is None:
        unbuilt.refuse(request.path)
        raise Refused(json_answer(not_found().body(), 404))
    return namespace


def _found(name: str) -> tuple[Callable[[Request, Element, Element], str], int]:
    if name not in OPERATIONS:
        raise Fault("NOT_IMPLEMENTED", f"The local org does not serve {name}() of the SOAP API yet.", 501)
    return OPERATIONS[name]


def _session(request: Request, envelope: Element) -> Session:
    """The session that the header names; what is done in it counts as an API call."""
    session = request.org.sessions.find(_text(envelope, "sessionId") or "")
    if session is None:
        raise Fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader: session not found")
    request.org.usage.count(request.org.app_name(session))
    return session


def _user_id(request: Request, operation: Element) -> str:
    user = request.org.user(normalize(_arguments(operation).get("userId", "")) or "")
    if user is None:
        raise Fault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    return str(user["Id"])


def _check_version(operation: str, version: str, newest: int) -> None:
    form = re.fullmatch(r"([0-9]{1,3})(?:\.0)?", version)
    if form is None or not OLDEST <= int(form[1]) <= newest:
        message = f"{operation}() is served from {OLDEST}.0 to {newest}.0, not in {version}"
        raise Fault("UNSUPPORTED_API_VERSION", message)


def _envelope_of(body: bytes) -> Element:
    try:
        return read_xml(body)
    except XmlRefused as problem:
        raise Fault("INVALID_SOAP_BODY", f"The request is not a SOAP envelope: {problem}") from None


def _operation(envelope: Element) -> Element:
    content = next((part for part in envelope if local_name(part) == "Body"), None)
    if content is None or not len(content):
        raise Fault("INVALID_SOAP_BODY", "The SOAP body is empty")
    return content[0]


def _arguments(operation: Element) -> Mapping[str, str]:
    return {local_name(part): (part.text or "").strip() for part in operation}


def _text(envelope: Element, name: str) -> str | None:
    """What the first element of that name holds, in the header as a rule; None where there is none."""
    return next(((part.text or "").strip() for part in envelope.iter() if local_name(part) == name), None)


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
    return _elements(value) if isinstance(value, Mapping) else xml_text(value)


def _fault(code: str, message: str) -> bytes:
    return _wrapped(
        f"<soapenv:Fault><faultcode>{code}</faultcode><faultstring>{code}: {message}</faultstring>"
        f'<detail><sf:LoginFault xmlns:sf="{FAULT_NAMESPACE}"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
    )


def _wrapped(content: str) -> bytes:
    return (
        f'{DECLARATION}<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        f' xmlns:xsi="{INSTANCE}">'
        f"<soapenv:Body>{content}</soapenv:Body></soapenv:Envelope>"
    ).encode()


ROUTES: tuple[Route, ...] = tuple(
    Route(
        "POST",
        f"/services/Soap/{{api}}/{{version}}{tail}",
        call,
        "SOAP: login, logout, user information, passwords",
        public=True,
    )
    for tail in ("", "/{organization}")
)
