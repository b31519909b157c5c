"""Logins of a process and of a machine: one however many connections, remembered when asked for, forgotten for good."""

from __future__ import annotations

import gc
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from weakref import WeakValueDictionary

import keyring.core
import pytest
from keyring.backends import fail

import sfdata
from sfdata.auth import remembered, token_store, vault
from sfdata.errors import ConfigurationError, LoginRequired, NotRemembered, VaultRefused
from sfdata.localorg import LocalOrg
from sfdata.resilience.hooks import TokenRenewed


@pytest.fixture(scope="module")
def strict_org():
    """An org that replaces a refresh token with each use, and ends the whole login when an old one comes back."""
    with LocalOrg(sample_data=False, rotate_refresh_tokens=True) as org:
        yield org


class Login:
    """A login made in a browser, as it were: the refresh token, and how often the org has replaced it."""

    def __init__(self, org):
        self.org, self._before = org, len(org.instance.refresh_tokens._spent)
        scope = "refresh_token api id web"
        token, self.approval = org.instance.refresh_tokens.issue(org.user_id, org.client_id, scope)
        self.flow = sfdata.RefreshToken(client_id=org.client_id, refresh_token=token, login_url=org.login_url)

    @property
    def redeemed(self):
        return len(self.org.instance.refresh_tokens._spent) - self._before

    def expire(self):
        self.org.instance.sessions.revoke_approval(self.approval.number)


@pytest.fixture
def login(strict_org):
    return Login(strict_org)


@pytest.fixture
def new_process(monkeypatch):
    """Forget what only this process knows."""

    def begin():
        monkeypatch.setattr(remembered, "_logins", WeakValueDictionary())
        monkeypatch.setattr(remembered, "_lasting", {})

    return begin


def files(home):
    return sorted(path.name for path in home.rglob("*") if path.is_file())


# --- one process -----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sfdata.errors.NotRemembered")
def test_connections_by_one_login_share_it(login, home):
    """Eight connections at once, and one made when they are gone: one redemption, and one more after the token ends."""

    def ask(_):
        with sfdata.connect(flow=login.flow) as org:
            return len(org.limits())

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert login.redeemed == 1
    gc.collect()
    login.expire()
    with sfdata.connect(flow=login.flow) as first, sfdata.connect(flow=login.flow) as second:
        first.limits()
        second.limits()
    assert login.redeemed == 2
    assert not home.exists()


@pytest.mark.filterwarnings("ignore::sfdata.errors.NotRemembered")
def test_a_connection_that_closes_waits_for_a_renewal_on_its_way(login, monkeypatch):
    """What a renewal brings is not lost because the connection it goes through is closed half way."""
    rotate, begun, go_on = login.org.instance.refresh_tokens.rotate, threading.Event(), threading.Event()

    def slowly(token):
        begun.set()
        go_on.wait(10)
        return rotate(token)

    monkeypatch.setattr(type(login.org.instance.refresh_tokens), "rotate", lambda self, token: slowly(token))
    org = sfdata.connect(flow=login.flow)

    def ask():
        with suppress(sfdata.SalesforceError):
            org.limits()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    assert begun.wait(10)
    closing = threading.Thread(target=org.close, daemon=True)
    closing.start()
    go_on.set()
    closing.join(10)
    asking.join(10)
    with sfdata.connect(flow=login.flow) as again:
        again.limits()
    assert login.redeemed == 1


@pytest.mark.catalogue("S5")
def test_what_holds_a_login_does_not_leave_the_process(login):
    """A connection, its session, its token manager and its login: pickling is refused, by name."""
    with sfdata.connect(flow=login.flow) as org:
        session = org._session
        for one in (org, session, session.tokens, session.tokens._login):
            with pytest.raises(TypeError, match=f"{type(one).__name__} cannot be pickled"):
                pickle.dumps(one)


# --- one machine -----------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("S17", "A3")
def test_a_remembered_login_outlives_its_process(login, home, system_keyring, new_process):
    """The next process uses the token that was kept, and then the newest refresh token, without being told to."""
    with sfdata.connect(flow=login.flow, remember=True) as org:
        org.limits()
    new_process()
    events = []
    with sfdata.connect(flow=login.flow, hooks=[events.append]) as org:
        org.limits()
        assert login.redeemed == 1
        login.expire()
        org.limits()
    assert login.redeemed == 2
    assert [event for event in events if isinstance(event, TokenRenewed)] == [TokenRenewed("refresh token", "refused")]
    assert sorted(name.rpartition(".")[2] for name in files(home)) == ["lock", "lock", "login"]


def test_a_token_another_process_left_may_have_ended_as_well(login, home, system_keyring, new_process):
    """Two processes, and the org ends the token of each in turn: nobody notices but by the renewals."""
    with sfdata.connect(flow=login.flow, remember=True) as one:
        one.limits()
        new_process()
        with sfdata.connect(flow=login.flow) as two:
            for org in (two, one, two, one):
                login.expire()
                two.limits()
                login.expire()
                org.limits()
    assert login.redeemed == 9


@pytest.mark.catalogue("F1")
@pytest.mark.parametrize("files_written", [0, 1])
def test_a_full_disk_costs_no_login_unless_it_fills_in_between(login, home, system_keyring, monkeypatch, files_written):
    """Without room nothing is sent; if the room is gone once the org has answered, this process still has the login."""
    written = []

    def full(path, content, save=token_store.save):
        written.append(path)
        if len(written) > files_written:
            raise OSError(28, "No space left on device")
        save(path, content)

    with sfdata.connect(flow=login.flow, remember=True) as org:
        monkeypatch.setattr(token_store, "save", full)
        if files_written:
            with pytest.warns(NotRemembered, match="only this process"):
                org.limits()
        else:
            with pytest.raises(VaultRefused, match="No space"):
                org.limits()
            monkeypatch.undo()
        assert login.redeemed == files_written
        login.expire()
        if files_written:
            org.limits()
    assert login.redeemed == files_written * 2


def test_without_remembering_the_next_process_must_log_in(login, home, new_process):
    """What the warning says is so: the token that was given is spent, and the error says what to do."""
    with pytest.warns(NotRemembered, match="only this process"), sfdata.connect(flow=login.flow) as org:
        org.limits()
    new_process()
    with sfdata.connect(flow=login.flow) as org, pytest.raises(LoginRequired, match="remember=True"):
        org.limits()


def test_a_login_under_way_can_still_be_remembered(login, home, system_keyring, new_process):
    """remember=True keeps what the process knows already: the newest refresh token, not the one that was given."""
    with pytest.warns(NotRemembered), sfdata.connect(flow=login.flow) as org:
        org.limits()
    sfdata.connect(flow=login.flow, remember=True).close()
    new_process()
    with sfdata.connect(flow=login.flow) as org:
        org.limits()
    assert login.redeemed == 1


def test_any_login_that_renews_itself_can_be_remembered(strict_org, home, system_keyring, new_process):
    """A login by client secret is made once for all processes; a given access token cannot be remembered."""
    flow = sfdata.ClientCredentials(
        client_id=strict_org.client_id, client_secret=strict_org.client_secret, login_url=strict_org.login_url
    )
    tokens = set()
    for _ in range(3):
        with sfdata.connect(flow=flow, remember=True) as org:
            org.limits()
            tokens.add(org._session.tokens.current().access)
        new_process()
    assert len(tokens) == 1
    with pytest.raises(ConfigurationError, match="nothing to remember"):
        sfdata.connect(instance_url=strict_org.instance_url, access_token=strict_org.access_token, remember=True)


@pytest.mark.catalogue("S14")
@pytest.mark.parametrize("why", ["no keyring", "not trusted", "locked", "no package"])
@pytest.mark.filterwarnings("ignore:the org has replaced")
def test_where_there_is_no_keyring_nothing_is_on_disk(login, home, system_keyring, monkeypatch, why):
    """Without a keyring that can be trusted the login works from memory, a warning says why, no file is made."""
    if why == "no keyring":
        monkeypatch.setattr(keyring.core, "_keyring_backend", fail.Keyring())
    elif why == "not trusted":
        monkeypatch.setattr(vault, "KEYRINGS", ())
    elif why == "no package":
        monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    system_keyring.locked = why == "locked"
    with pytest.warns(NotRemembered, match="kept in memory only"):
        org = sfdata.connect(flow=login.flow, remember=True)
    with org:
        org.limits()
    assert not home.exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are looked at on POSIX")
@pytest.mark.catalogue("S15")
def test_a_folder_others_can_reach_keeps_no_login(login, home, system_keyring):
    """Where the folder for logins is open to others already, nothing is written into it."""
    (home / "logins").mkdir(parents=True)
    (home / "logins").chmod(0o755)
    with pytest.raises(VaultRefused, match="chmod 700"):
        sfdata.connect(flow=login.flow, remember=True)
    assert files(home) == []


@pytest.mark.catalogue("S14")
@pytest.mark.parametrize("loss", ["locked", "key", "bits"])
def test_a_spent_token_is_no_way_out(login, home, system_keyring, new_process, loss):
    """If what is kept cannot be opened, the token that was given is not tried in its stead: the org would end both."""
    with sfdata.connect(flow=login.flow, remember=True) as org:
        org.limits()
    new_process()
    if loss == "bits":
        file = next((home / "logins").glob("*.login"))
        file.write_bytes(file.read_bytes()[:-1])
    system_keyring.locked = loss == "locked"
    if loss == "key":
        system_keyring.passwords.clear()
    with pytest.raises(VaultRefused, match="forget"), sfdata.connect(flow=login.flow) as org:
        org.limits()
    assert login.redeemed == 1
    assert login.org.instance.refresh_tokens._approvals


def test_forgetting_takes_a_login_and_its_key_away(login, home, system_keyring, new_process):
    """Nothing is left on disk or in the keyring; a connection that is open goes on, and writes nothing again."""
    with sfdata.connect(flow=login.flow, remember=True) as org:
        org.limits()
        assert sfdata.forget("another.example") == []
        assert sfdata.forget(org._host) == [org._host]
        assert files(home) == ["key.lock"]
        assert system_keyring.passwords == {}
        login.expire()
        org.limits()
    assert not list(home.rglob("*.login"))
    assert sfdata.forget() == []
