"""Who we are: the login flows, and the token a connection holds. Nothing here sends anything."""

from sfdata.auth.exchange import Token, TokenAnswer, TokenRequest
from sfdata.auth.flows import (
    AccessToken,
    ClientCredentials,
    Flow,
    JwtBearer,
    RefreshToken,
    flow_from_settings,
)
from sfdata.auth.tokens import TokenManager

__all__ = [
    "AccessToken",
    "ClientCredentials",
    "Flow",
    "JwtBearer",
    "RefreshToken",
    "Token",
    "TokenAnswer",
    "TokenManager",
    "TokenRequest",
    "flow_from_settings",
]
