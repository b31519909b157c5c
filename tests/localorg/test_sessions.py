"""Access tokens: their form, their time, their end."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.localorg.login import sessions as sessions_module
from sfdata.localorg.login.sessions import Sessions, bearer_token

ORG = "00DLo0000000001MAA"
USER = "005Lo0000000001IAA"


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(ORG, 100.0, clock)


def issue(sessions: Sessions, grant: str = "password") -> str:
    return sessions.issue(USER, grant, "api")[0]


def test_a_token_has_the_form_clients_look_for(sessions: Sessions) -> None:
    """Organization Id, ``!``, then only letters, digits, dots: the sf CLI finds tokens by that pattern."""
    token = issue(sessions)
    assert re.fullmatch(r"00D\w{12,15}![.\w]*", token)
    assert token.split("!")[0] == ORG[:15]
    assert len(token.split("!")[1]) * 5.9 > 256


def test_no_two_tokens_are_alike(sessions: Sessions) -> None:
    """Every issue makes a new secret."""
    assert len({issue(sessions) for _ in range(200)}) == 200


def test_a_session_ends_after_inactivity(sessions: Sessions, clock: Clock) -> None:
    """Found a moment before the end, gone at the end."""
    token = issue(sessions)
    clock.now += 99.9
    assert sessions.find(token, extend=False) is not None
    clock.now += 0.1
    assert sessions.find(token, extend=False) is None


def test_use_extends_a_session(sessions: Sessions, clock: Clock) -> None:
    """Each call starts the time anew; a look that does not count leaves it."""
    token = issue(sessions)
    for _ in range(5):
        clock.now += 90
        assert sessions.find(token) is not None
    clock.now += 90
    sessions.find(token, extend=False)
    clock.now += 10
    assert sessions.find(token) is None


def test_a_session_never_comes_back(sessions: Sessions, clock: Clock) -> None:
    """An expired token stays dead, even if the clock is set back."""
    token = issue(sessions)
    clock.now += 200
    assert sessions.find(token) is None
    clock.now -= 200
    assert sessions.find(token) is None


def test_revoking_ends_one_session(sessions: Sessions) -> None:
    """The other sessions live on; revoking twice or nothing says so."""
    token, other = issue(sessions), issue(sessions)
    assert sessions.revoke(token)
    assert sessions.find(token) is None
    assert sessions.find(other) is not None
    assert not sessions.revoke(token)
    assert not sessions.revoke("nonsense")


def test_revoking_an_approval_ends_what_came_from_it(sessions: Sessions) -> None:
    """Sessions of an approval go with it, those of another one or of none stay."""
    tokens = [sessions.issue(USER, "refresh_token", "api", approval=number)[0] for number in (1, 2, None, 1)]
    sessions.revoke_approval(1)
    assert [sessions.find(token) is not None for token in tokens] == [False, True, True, False]


def test_tokens_are_not_kept(sessions: Sessions) -> None:
    """Nothing reachable from the sessions holds the token's text."""
    token = issue(sessions)
    secret = token.split("!")[1]
    assert secret not in repr(vars(sessions))
    assert secret.encode() not in b"".join(sessions._sessions)


def test_the_number_of_sessions_is_bounded(sessions: Sessions, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that logs in for every call cannot fill the memory; its latest session works."""
    monkeypatch.setattr(sessions_module, "MOST_SESSIONS", 50)
    for _ in range(500):
        token = issue(sessions)
    assert len(sessions._sessions) <= 50
    assert sessions.find(token) is not None


@given(st.text())
def test_any_text_can_be_asked_for(text: str) -> None:
    """What a client sends as a token is looked up, whatever it is."""
    sessions = Sessions(ORG, 100.0)
    issue(sessions)
    assert sessions.find(text) is None


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("OAuth abc", "abc"),
        ("bearer abc", "abc"),
        ("  OAUTH   abc  ", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
        (None, None),
    ],
)
def test_both_schemes_carry_a_token(header: str | None, token: str | None) -> None:
    """Bearer and OAuth, in any case; nothing else."""
    assert bearer_token(header) == token
