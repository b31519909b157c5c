"""The exception tree, what a server's answer becomes, and how errors show and travel."""

from __future__ import annotations

import copy
import pickle
import re
import traceback
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sfdata.errors
from sfdata.error_codes import BY_ERROR_CODE, response_error
from sfdata.error_texts import HINTS, caret_excerpt
from sfdata.errors import (
    AccessDenied,
    BindError,
    ConfigurationError,
    IncompleteResult,
    InvalidField,
    InvalidType,
    MalformedQuery,
    NotFound,
    Problem,
    PushRefused,
    RequestLimitExceeded,
    ResponseError,
    RowLocked,
    SalesforceError,
    ServerUnavailable,
    SeveralRecords,
    SoqlError,
    SoqlSyntaxError,
    StillRunning,
    UnsupportedApiVersion,
)
from sfdata.soql import bind, parse

# --- the tree --------------------------------------------------------------------------------------------------------


def drawn() -> Iterator[tuple[str, str]]:
    """Class and parent of every line of the tree in the module's docstring."""
    path: list[str] = []
    for line in (sfdata.errors.__doc__ or "").splitlines():
        found = re.match(r" {4}(?P<branch>[│├└─ ]*)(?P<name>[A-Z]\w+) {2,}\S", line)
        if found:
            level = len(found["branch"]) // 4
            path[level:] = [found["name"]]
            yield found["name"], path[level - 1] if level else "Exception"


def classes(root: type[SalesforceError] = SalesforceError) -> Iterator[type[SalesforceError]]:
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == "sfdata.errors":
            yield from classes(kind)


def test_the_drawn_tree_is_the_real_one() -> None:
    """The docstring draws every error of the module, each under the class it derives from."""
    errors = [pair for pair in drawn() if issubclass(getattr(sfdata.errors, pair[0]), SalesforceError)]
    assert sorted(errors) == sorted((kind.__name__, kind.__bases__[0].__name__) for kind in classes())


@pytest.mark.parametrize("kind", [ConfigurationError, SoqlError])
def test_what_the_caller_wrote_wrong_is_a_value_error(kind: type[SalesforceError]) -> None:
    """Code that knows nothing of sfdata catches wrong settings and queries as the ValueError they are."""
    assert issubclass(kind, ValueError)


# --- an error answer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("No such column 'Nmae' on entity 'Account'.", HINTS["INVALID_FIELD"]),
        ("Didn't understand relationship 'Ownr' in field path.", HINTS["INVALID_FIELD"]),
        ("duplicate field selected: Id", None),
    ],
)
def test_a_wrong_name_is_told_where_names_stand(message: str, hint: str | None) -> None:
    """INVALID_FIELD has the hint about names where a name is wrong, and none where something else is."""
    assert response_error(400, [{"errorCode": "INVALID_FIELD", "message": message}]).hint == hint


@pytest.mark.parametrize(
    ("kind", "spelt"),
    [
        ("dateTime and should not be", "2024-01-31T00:00:00Z"),
        ("date and should not be", "2024-01-31,"),
        ("boolean and should not be", "TRUE or FALSE"),
        ("currency and should not be", "without quotes"),
        ("string and should be", "single quotes"),
    ],
)
def test_a_literal_of_the_wrong_type_is_told_how_it_is_spelt(kind: str, spelt: str) -> None:
    """Whoever compares a field with a literal of another type reads how those of its type are written."""
    placed = "\nWHERE A > B\n          ^\nERROR at Row:1:Column:9\n"
    message = f"{placed}value of filter criterion for field 'A' must be of type {kind} enclosed in quotes"
    error = response_error(400, [{"errorCode": "INVALID_FIELD", "message": message}])
    assert spelt in (error.hint or "")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "MALFORMED_QUERY", MalformedQuery),
        (400, "INVALID_QUERY_FILTER_OPERATOR", MalformedQuery),
        (400, "INVALID_FIELD", InvalidField),
        (400, "INVALID_TYPE", InvalidType),
        (404, "NOT_FOUND", NotFound),
        (404, "ENTITY_IS_DELETED", NotFound),
        (400, "UNSUPPORTED_API_VERSION", UnsupportedApiVersion),
        (403, "REQUEST_LIMIT_EXCEEDED", RequestLimitExceeded),
        (403, "API_DISABLED_FOR_ORG", AccessDenied),
        (400, "UNABLE_TO_LOCK_ROW", RowLocked),
        (500, "UNKNOWN_EXCEPTION", ServerUnavailable),
        (400, "QUERY_TIMEOUT", ServerUnavailable),
        (400, "SOMETHING_NEW", ResponseError),
        (404, "SOMETHING_NEW", NotFound),
        (410, "SOMETHING_NEW", NotFound),
        (403, "SOMETHING_NEW", AccessDenied),
        (420, "SOMETHING_NEW", ServerUnavailable),
        (429, "SOMETHING_NEW", ServerUnavailable),
        (500, "SOMETHING_NEW", ServerUnavailable),
        (503, "SOMETHING_NEW", ServerUnavailable),
        (405, "SOMETHING_NEW", ResponseError),
    ],
)
def test_the_code_decides_the_class_and_else_the_status(status: int, code: str, kind: type[ResponseError]) -> None:
    """A known errorCode has its class whatever the status; an unknown one falls back to the status and is kept."""
    error = response_error(status, [{"errorCode": code, "message": "why"}])
    assert type(error) is kind
    assert (error.error_code, error.status, error.message) == (code, status, "why")
    assert str(error).startswith(f"{code}: why")


def test_every_code_of_the_table_leads_to_its_class() -> None:
    """No entry of the table is overridden by a status, and every hint belongs to a code someone can meet."""
    for code, kind in BY_ERROR_CODE.items():
        for status in (200, 400, 403, 404, 500):
            assert type(response_error(status, [{"errorCode": code, "message": "x"}])) is kind
    oauth = {"invalid_client_id", "invalid_client", "app_not_found", "invalid_app_access"}
    assert set(HINTS) <= set(BY_ERROR_CODE) | oauth


def test_a_hint_follows_the_message() -> None:
    """What to do next stands on its own line; a hint of the moment outdoes that of the code."""
    error = response_error(400, [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "locked"}])
    assert str(error) == f"UNABLE_TO_LOCK_ROW: locked\nHint: {HINTS['UNABLE_TO_LOCK_ROW']}"
    assert ResponseError("locked", error_code="UNABLE_TO_LOCK_ROW", hint="Wait.").hint == "Wait."
    assert str(ResponseError("no code")) == "no code"


def test_several_errors_are_all_told() -> None:
    """The first error leads and gives the class, its excerpt left in place; the others follow, one a line."""
    error = response_error(
        400,
        [
            {
                "errorCode": "INVALID_FIELD",
                "message": "\n  Id, A__c \n      ^\nno such column \n",
                "fields": ["A__c", "B__c"],
            },
            {"statusCode": "STRING_TOO_LONG", "message": "too long", "fields": ["C__c"]},
            {"errorCode": None, "message": "unnamed"},
        ],
    )
    assert type(error) is InvalidField
    assert error.fields == ("A__c", "B__c")
    excerpt = "  Id, A__c \n      ^\nno such column"
    assert error.message == f"{excerpt}\nalso STRING_TOO_LONG: too long\nalso None: unnamed"


@pytest.mark.parametrize(
    ("status", "errors", "kind", "code", "message"),
    [
        (400, [], ResponseError, None, "HTTP status 400"),
        (503, [], ServerUnavailable, None, "HTTP status 503"),
        (404, [{}], NotFound, None, "HTTP status 404"),
        (400, [{"errorCode": "X", "message": ""}], ResponseError, "X", "HTTP status 400"),
        (400, [{"errorCode": "X", "message": None, "fields": None}], ResponseError, "X", "HTTP status 400"),
        (400, [{"statusCode": "INVALID_FIELD", "message": "m"}], InvalidField, "INVALID_FIELD", "m"),
        (400, [{"message": "m"}], ResponseError, None, "m"),
    ],
)
def test_an_answer_without_the_usual_members_is_still_an_error(
    status: int, errors: list[dict[str, Any]], kind: type[ResponseError], code: str | None, message: str
) -> None:
    """Members that are absent, null or empty are made up for; no fields are named where none are."""
    error = response_error(status, errors)
    assert (type(error), error.error_code, error.message, error.fields) == (kind, code, message, ())


def test_errors_may_come_from_an_iterator() -> None:
    """The list of errors is read once."""
    assert response_error(400, iter([{"errorCode": "INVALID_TYPE", "message": "m"}])).error_code == "INVALID_TYPE"


# --- a place in a query ----------------------------------------------------------------------------------------------


def test_a_syntax_error_shows_its_place_and_its_hint() -> None:
    """Message, place and expectation on the first line, then the excerpt with a caret, then the hint."""
    error = SoqlSyntaxError(
        "unexpected token: '*'",
        text="SELECT\n  *\nFROM A",
        offset=9,
        expected=["a field name", "'('"],
        found="*",
        hint="No *.",
    )
    assert (
        str(error) == "unexpected token: '*' at line 2, column 3; expected a field name or '('\n  *\n  ^\nHint: No *."
    )
    assert (error.line, error.column, error.offset, error.found) == (2, 3, 9, "*")
    assert error.error_code == "MALFORMED_QUERY"


def test_three_expectations_are_joined_by_commas_and_or() -> None:
    """The last of several alternatives is set off by ``or``."""
    error = SoqlSyntaxError("m", text="x", offset=0, expected=iter(["A", "B", "C"]))
    assert "expected A, B or C\n" in str(error)
    assert "expected A\n" in str(SoqlSyntaxError("m", text="x", offset=0, expected=["A"]))
    assert str(SoqlSyntaxError("m", text="x", offset=0)) == "m at line 1, column 1\nx\n^"


LINES = st.text(st.characters(exclude_characters="\n\r\t…", exclude_categories=["Cs"]), max_size=300)


@given(st.lists(LINES, min_size=1, max_size=4), st.data())
def test_the_caret_stands_under_the_character(lines: list[str], data: st.DataObject) -> None:
    """In a line of any length the caret is below the character of its column, and the excerpt stays short."""
    number = data.draw(st.integers(1, len(lines)))
    line = lines[number - 1]
    column = data.draw(st.integers(1, len(line) + 1))
    source, caret = caret_excerpt("\n".join(lines), number, column, width=100).split("\n")
    assert caret == " " * (len(caret) - 1) + "^"
    assert len(source) <= 102
    below = source[len(caret) - 1 : len(caret)]
    assert below == line[column - 1 : column]
    shown = source.removeprefix("…").removesuffix("…")
    assert shown in line
    assert (source.startswith("…"), source.endswith("…")) == (not line.startswith(shown), not line.endswith(shown))


@pytest.mark.parametrize(
    ("text", "line", "column", "excerpt"),
    [
        ("SELECT *", 1, 8, "SELECT *\n       ^"),
        ("", 1, 1, "\n^"),
        ("a\r\nbcd\r\n", 2, 2, "bcd\n ^"),
        ("\tSELECT\t*", 1, 9, " SELECT *\n        ^"),
        ("a\n\nb", 2, 1, "\n^"),
        ("x" * 60 + "!" + "y" * 60, 1, 61, "…" + "x" * 50 + "!" + "y" * 49 + "…\n" + " " * 51 + "^"),
        ("!" + "y" * 200, 1, 1, "!" + "y" * 99 + "…\n^"),
        ("x" * 200 + "!", 1, 201, "…" + "x" * 99 + "!\n" + " " * 100 + "^"),
    ],
)
def test_excerpts(text: str, line: int, column: int, excerpt: str) -> None:
    """Tabs count one blank, line ends are left out, and long lines are cut around the place."""
    assert caret_excerpt(text, line, column) == excerpt


# --- errors travel ---------------------------------------------------------------------------------------------------

PLAIN = [kind for kind in classes() if kind.__init__ in (SalesforceError.__init__, ResponseError.__init__)]
SAMPLES = [
    *(kind("what", error_code="X", status=400, hint="next") for kind in PLAIN),
    SoqlSyntaxError("what", text="SELECT *", offset=7, expected=["a field"], found="*", hint="next"),
    IncompleteResult("what", expected=5, received=3),
    SeveralRecords("what", {"acme": ("001A", "001B")}),
    ResponseError("what", error_code="X", status=400, fields=["A", "B"]),
    PushRefused([Problem("is no number", "Amount", 3, "x"), Problem("no rows")], hint="next"),
    StillRunning("a push"),
]


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_survive_copying_and_pickling(error: SalesforceError, way: Any) -> None:
    """IPython copies exceptions and process pools pickle them: class, text and every attribute arrive."""
    error.add_note("a note")
    other = way(error)
    assert type(other) is type(error)
    assert vars(other) == vars(error)
    assert (str(other), other.args) == (str(error), error.args)
    error.__dict__.pop("__notes__")


def test_a_copied_error_can_be_raised_and_caught() -> None:
    """What comes out of a process pool is an exception like any other."""
    try:
        parse("SELECT * FROM A")
    except SoqlSyntaxError as error:
        sent = pickle.dumps(error)
    with pytest.raises(SoqlSyntaxError, match="expected a field name") as caught:
        raise pickle.loads(sent)
    assert "Hint: SOQL has no *" in "".join(traceback.format_exception(caught.value))


def test_an_incomplete_result_says_how_much_is_missing() -> None:
    """The numbers are attributes, and the hint tells that nothing short was returned silently."""
    error = IncompleteResult("3 of 5 rows arrived", expected=5, received=3)
    assert (error.expected, error.received) == (5, 3)
    assert "again" in str(error)


def test_a_refused_frame_says_where_what_is_wrong() -> None:
    """Each problem names column and row, by the row's label where it has another than its position; five are shown."""
    places = [("Amount", 3, "x"), ("Amount", 4, 4), ("Name", None, None), (None, 5, None), (None, None, None)]
    error = PushRefused([*(Problem("why", *place) for place in places), *[Problem("more")] * 2])
    assert str(error).splitlines() == [
        "Amount, row 3 ('x'): why",
        "Amount, row 4: why",
        "Name: why",
        "row 5: why",
        "why",
        "and 2 more, in .problems",
    ]
    assert len(error.problems) == 7


SECRET = "hunter2-of-the-notebook"


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("WHERE x = :v", [SECRET]),
        ("WHERE x = :v", SECRET.encode()),
        ("WHERE x = :v", {SECRET: SECRET}),
        ("WHERE x = :v", f"{SECRET}\0"),
        ("WHERE x = :v", pd.Series([SECRET])),
        ("WHERE x = :v.key", SECRET),
        ("WHERE x = :v.key", {SECRET: SECRET}),
        ("WHERE x IN :v", [[SECRET]]),
        ("WHERE x IN :v", [SECRET, SECRET.encode()]),
        ("WHERE x LIKE :v", [SECRET]),
        ("LIMIT :v", SECRET),
    ],
)
def test_no_error_of_a_bind_shows_the_value_it_refuses(condition: str, value: Any) -> None:
    """A refused value may be a password: the message names the bind and the kind of value, never the text."""
    with pytest.raises(BindError) as caught:
        bind(f"SELECT Id FROM A {condition}", {"v": value})
    assert SECRET not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
