"""Every exception sfdata raises.

    SalesforceError                     the root: catch this one
    ├── ConfigurationError              a setting is missing, malformed or contradicts another
    │   ├── MissingCredentials          nothing says who is logging in
    │   ├── InsecureUrl                 plain http to anything but this machine
    │   ├── VaultRefused                what is kept of a login cannot be trusted, or not be opened
    │   ├── PushRefused                 rows that cannot be written, or are certain to fail; nothing was sent
    │   └── UnresolvedConflicts         a plan that somebody has to decide on first; nothing was sent
    ├── SoqlError                       the query text, before anything is sent
    │   ├── SoqlSyntaxError             what was found, what was expected, and where
    │   ├── BindError                   a :name without a value, or with one that is no SOQL literal
    │   ├── QueryTooLong                more characters than a statement may have, and no way to split it
    │   ├── NotServable                 the engine asked for cannot answer such a query
    │   └── NotIncremental              since() cannot tell what changes in the query's result
    ├── BookmarkError                   a bookmark that is none, belongs elsewhere, or is not there yet
    │   └── BookmarkExpired             too old: what was deleted since then is no longer known
    ├── AuthenticationError             the org does not let us in
    │   ├── LoginRefused                the token endpoint said no
    │   │   ├── LoginRequired           the refresh token is no longer good
    │   │   └── ClockSkew               no, and this computer's clock is wrong
    │   └── SessionExpired              INVALID_SESSION_ID after a fresh login
    ├── TransportError                  no usable answer
    │   ├── ConnectionFailed            nobody listens, no such host, TLS refused
    │   ├── RequestTimeout              no complete answer in time
    │   ├── CircuitOpen                 the org failed too often; not asked again for a while
    │   ├── UnreadableAnswer            truncated, not JSON, not what the request asks for
    │   └── OutcomeUnknown              a write was sent, and whether it was done nobody knows
    ├── ResponseError                   the org answered with an errorCode
    │   ├── MalformedQuery              MALFORMED_QUERY and its relatives
    │   ├── InvalidField                no such field, or hidden from this user
    │   ├── InvalidType                 no such object, or hidden from this user
    │   ├── InvalidQueryLocator         the cursor is unknown or older than two days
    │   ├── NotFound                    no such record or resource
    │   │   └── UnsupportedApiVersion   the pinned API version is not served
    │   ├── Conflict                    the record is no longer as the writer knew it
    │   ├── AccessDenied                the user may not
    │   ├── RequestLimitExceeded        the org's calls for the day are spent
    │   ├── RowLocked                   another transaction holds the record
    │   └── ServerUnavailable           the org is busy, in maintenance or broken
    ├── BudgetExceeded                  more API calls than this connection may make; not sent
    ├── NotEnoughLeft                   more than a limit of the org has left, or only what is reserved; not sent
    ├── IncompleteResult                a read that cannot prove that it is whole
    ├── SeveralRecords                  more than one record has the key
    ├── BulkJobFailed                   a query job that ended without its rows
    ├── ResultsGone                     a job, or its results, that the org no longer has
    ├── SpoolFailed                     the disk does not take what arrives
    ├── AuditFailed                     a write that cannot be written down in the audit trail
    ├── StillRunning                    the deadline passed while the org was still at work
    └── PushError                       a push that did not come to its end, or not to a good one
        ├── PushStopped                 stopped on this side; nothing is stopped in the org
        ├── PushUnderWay                somebody else takes it further right now
        └── PushFailed                  at its end, with rows that were not written

    LimitNear                           a warning: a limit of the org is nearly used up
    NotRemembered                       a warning: a login that only this process knows
    ResultTruncated                     a warning: the caller's own bound left rows out
    RowsRepeated                        a warning: rows of one push that write the same record
    RowsWillFail                        a warning: rows that are pushed though they are certain to fail

A server's ``errorCode`` becomes a class in one place, `sfdata.error_codes`. No message ever holds a token, a key or a
password.
"""

from __future__ import annotations

from sfdata.errors.answers import (
    AccessDenied,
    AuthenticationError,
    CircuitOpen,
    ClockSkew,
    Conflict,
    ConnectionFailed,
    InvalidField,
    InvalidQueryLocator,
    InvalidType,
    LoginRefused,
    LoginRequired,
    MalformedQuery,
    NotFound,
    OutcomeUnknown,
    RequestLimitExceeded,
    RequestTimeout,
    ResponseError,
    RowLocked,
    ServerUnavailable,
    SessionExpired,
    TransportError,
    UnreadableAnswer,
    UnsupportedApiVersion,
)
from sfdata.errors.inputs import (
    BindError,
    BookmarkError,
    BookmarkExpired,
    BudgetExceeded,
    ConfigurationError,
    InsecureUrl,
    LimitNear,
    MissingCredentials,
    NotEnoughLeft,
    NotIncremental,
    NotRemembered,
    NotServable,
    Problem,
    PushRefused,
    QueryTooLong,
    ResultTruncated,
    RowsRepeated,
    RowsWillFail,
    SoqlError,
    SoqlSyntaxError,
    UnresolvedConflicts,
    VaultRefused,
)
from sfdata.errors.results import (
    AuditFailed,
    BulkJobFailed,
    IncompleteResult,
    PushError,
    PushFailed,
    PushStopped,
    PushUnderWay,
    ResultsGone,
    SeveralRecords,
    SpoolFailed,
    StillRunning,
)
from sfdata.errors.root import (
    SalesforceError,
)

__all__ = [
    "AccessDenied",
    "AuditFailed",
    "AuthenticationError",
    "BindError",
    "BookmarkError",
    "BookmarkExpired",
    "BudgetExceeded",
    "BulkJobFailed",
    "CircuitOpen",
    "ClockSkew",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "IncompleteResult",
    "InsecureUrl",
    "InvalidField",
    "InvalidQueryLocator",
    "InvalidType",
    "LimitNear",
    "LoginRefused",
    "LoginRequired",
    "MalformedQuery",
    "MissingCredentials",
    "NotEnoughLeft",
    "NotFound",
    "NotIncremental",
    "NotRemembered",
    "NotServable",
    "OutcomeUnknown",
    "Problem",
    "PushError",
    "PushFailed",
    "PushRefused",
    "PushStopped",
    "PushUnderWay",
    "QueryTooLong",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ResponseError",
    "ResultTruncated",
    "ResultsGone",
    "RowLocked",
    "RowsRepeated",
    "RowsWillFail",
    "SalesforceError",
    "ServerUnavailable",
    "SessionExpired",
    "SeveralRecords",
    "SoqlError",
    "SoqlSyntaxError",
    "SpoolFailed",
    "StillRunning",
    "TransportError",
    "UnreadableAnswer",
    "UnresolvedConflicts",
    "UnsupportedApiVersion",
    "VaultRefused",
]

for _name in __all__:  # tracebacks name the place to import from
    globals()[_name].__module__ = __name__
