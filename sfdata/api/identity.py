"""Who is logged in.

https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_userinfo_endpoint.htm
"""

from __future__ import annotations

from collections.abc import Mapping

from sfdata.errors import UnreadableAnswer
from sfdata.transport.http_session import HttpSession

PATH = "/services/oauth2/userinfo"


def user_id(session: HttpSession) -> str:
    """The Id of the user that this connection is logged in as; asked only where the login did not tell it.

    Raises:
        UnreadableAnswer: the org does not say.
    """
    known = session.tokens.current().user_id
    if known is not None:
        return known
    claims = session.get(PATH).json()
    told = claims.get("user_id") if isinstance(claims, Mapping) else None
    if not isinstance(told, str):
        raise UnreadableAnswer("the org does not tell who is logged in")
    return told
