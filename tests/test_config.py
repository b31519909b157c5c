"""Settings: read by name, checked for form, and refused without ever repeating a secret."""

from __future__ import annotations

import os
import stat
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.config import (
    API_VERSION,
    LOGIN_URL,
    SETTINGS,
    OrgConfig,
    Settings,
    answered_instance_url,
    is_loopback,
    org_url,
    profiles_path,
    settings_from_env,
    settings_from_profile,
)
from sfdata.errors import AuthenticationError, ConfigurationError, InsecureUrl

MY_DOMAIN = "https://acme.my.salesforce.com"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIcanary\n-----END PRIVATE KEY-----\n"


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_url", "origin"),
    [
        ("https://acme.my.salesforce.com", MY_DOMAIN),
        ("https://ACME.My.Salesforce.com/", MY_DOMAIN),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:1/", "http://localhost:1"),
        ("http://[::1]:99", "http://[::1]:99"),
        ("https://sf-mock.internal:8443", "https://sf-mock.internal:8443"),
    ],
)
def test_an_address_is_reduced_to_its_origin(given_url, origin):
    """An accepted address comes out as scheme, lower-case host and port alone."""
    assert org_url(given_url, "SF_INSTANCE_URL") == origin


@pytest.mark.parametrize(
    "wrong",
    [
        "acme.my.salesforce.com",
        "ftp://acme.my.salesforce.com",
        "https://",
        "https://acme.my.salesforce.com/services/data",
        "https://acme.my.salesforce.com?x=1",
        "https://acme.my.salesforce.com#x",
        "https://user:canary@acme.my.salesforce.com",
        "https://login.salesforce.com@evil.example",
        "https://acme.my.salesforce.com\\@evil.example",
        "https://acme.my.salesforce.com\r\nX: y",
        "https://acme.my.salesforce.com:port",
        "https://ac me.my.salesforce.com",
        "https://[::1",
        "https://äcme.my.salesforce.com",
    ],
)
def test_a_malformed_address_is_refused_by_name_and_not_repeated(wrong):
    """The message names the setting and the form wanted, and never the value, which may hold a password."""
    with pytest.raises(ConfigurationError) as refusal:
        org_url(wrong, "SF_INSTANCE_URL")
    assert "SF_INSTANCE_URL" in str(refusal.value)
    assert "https://acme.my.salesforce.com" in str(refusal.value)
    assert "canary" not in str(refusal.value)
    assert "evil" not in str(refusal.value)


@pytest.mark.catalogue("S11")
@pytest.mark.parametrize("url", ["http://acme.my.salesforce.com", "http://10.0.0.1", "http://127.0.0.1.evil.example"])
def test_plain_http_is_for_this_machine_only(url):
    """http to another machine is an InsecureUrl."""
    with pytest.raises(InsecureUrl):
        org_url(url, "SF_INSTANCE_URL")


def test_a_lightning_address_is_answered_with_the_right_one():
    """The address bar of a browser is a common mistake; the hint says the address of the API."""
    with pytest.raises(ConfigurationError) as refusal:
        org_url("https://acme--dev.sandbox.lightning.force.com", "SF_INSTANCE_URL")
    assert "https://acme--dev.sandbox.my.salesforce.com" in str(refusal.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_loopback_hosts_are_known(host):
    """Every spelling of this machine counts as this machine."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "example.com", "128.0.0.1", "localhost.evil.example", "0.0.0.0"])
def test_other_hosts_are_not_loopback(host):
    """A host that merely looks like this machine is another one."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("answered", "vouched"),
    [
        ("https://acme.my.salesforce.com", [LOGIN_URL]),
        ("https://acme--dev.sandbox.my.salesforce.com", ["https://test.salesforce.com"]),
        ("https://sf.corp.example", ["https://sf.corp.example"]),
        ("http://127.0.0.1:9", ["http://localhost:9"]),
    ],
)
def test_a_token_answer_may_name_salesforce_or_what_the_user_named(answered, vouched):
    """A token follows its answer into Salesforce's domains, to hosts the user typed, and around this machine."""
    assert answered_instance_url(answered, vouched) == answered


@pytest.mark.catalogue("S10")
@pytest.mark.parametrize(
    "answered",
    [
        "https://evil.example",
        "https://acme.my.salesforce.com.evil.example",
        "https://evilsalesforce.com",
        "http://acme.my.salesforce.com",
        "http://127.0.0.1:9",
        "https://acme.my.salesforce.com@evil.example",
        "nonsense",
        "",
    ],
)
def test_a_poisoned_token_answer_is_refused(answered):
    """An instance address outside every trusted place ends the login."""
    with pytest.raises(AuthenticationError):
        answered_instance_url(answered, [LOGIN_URL, MY_DOMAIN])


# --- OrgConfig -------------------------------------------------------------------------------------------------------


def test_the_api_version_is_pinned():
    """Without a word about it, the version is the newest that every org serves, and never another."""
    assert OrgConfig(MY_DOMAIN).api_version == API_VERSION == "67.0"


@pytest.mark.parametrize("version", ["67", "v67.0", "67.1", "30.0", "9.0", "latest", "", "67.0\n", "067.0", "٦٧.0"])
def test_a_version_must_be_written_as_salesforce_writes_it(version):
    """Anything but NN.0 from 31.0 up is refused with an example."""
    with pytest.raises(ConfigurationError, match=r"67\.0"):
        OrgConfig(MY_DOMAIN, api_version=version)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e9])
def test_a_timeout_is_a_finite_positive_number(seconds):
    """No time-out may be zero, endless or absurd."""
    with pytest.raises(ConfigurationError, match="timeout_seconds"):
        OrgConfig(MY_DOMAIN, timeout_seconds=seconds)


# --- the environment -------------------------------------------------------------------------------------------------


def test_every_setting_has_a_field_and_every_field_a_setting():
    """The table of readers and the dataclass hold the same names."""
    assert {field.name for field in fields(Settings)} == {*SETTINGS, "source", "misspelt"}


def test_the_environment_is_read_whole():
    """Each SF_ variable lands in the field of its name, secrets wrapped, numbers as numbers."""
    settings = settings_from_env(
        {
            "SF_INSTANCE_URL": MY_DOMAIN + "/",
            "SF_LOGIN_URL": "https://test.salesforce.com",
            "SF_CLIENT_ID": " key ",
            "SF_CLIENT_SECRET": "s1",
            "SF_USERNAME": "ann@acme.example",
            "SF_PRIVATE_KEY": PEM,
            "SF_PRIVATE_KEY_PASSPHRASE": "s2",
            "SF_REFRESH_TOKEN": "s3",
            "SF_ACCESS_TOKEN": "s4",
            "SF_API_VERSION": "66.0",
            "SF_TIMEOUT_SECONDS": "12.5",
            "SF_CA_FILE": "ca.pem",
            "SF_AUDIENCE": "https://test.salesforce.com",
        }
    )
    assert settings.instance_url == MY_DOMAIN
    assert settings.client_id == "key"
    assert settings.timeout_seconds == 12.5
    secrets = (settings.client_secret, settings.private_key_passphrase, settings.refresh_token, settings.access_token)
    assert [secret.reveal() for secret in secrets] == ["s1", "s2", "s3", "s4"]
    assert settings.private_key.reveal() == PEM.strip()
    assert settings.org_config() == OrgConfig(
        MY_DOMAIN, "https://test.salesforce.com", api_version="66.0", timeout_seconds=12.5, ca_file="ca.pem"
    )
    for secret in ("s1", "s2", "s3", "s4", "MIIcanary"):
        assert secret not in repr(settings)


def test_an_empty_variable_is_an_unset_one():
    """SF_X= means nothing, as in a shell."""
    assert settings_from_env({"SF_CLIENT_ID": "", "SF_ACCESS_TOKEN": "  "}) == settings_from_env({})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SF_INSTANCE_URL", "canary"),
        ("SF_LOGIN_URL", "http://canary.example"),
        ("SF_API_VERSION", "67"),
        ("SF_TIMEOUT_SECONDS", "soon"),
        ("SF_PRIVATE_KEY", "MIIEvQIBADANcanary"),
        ("SF_CLIENT_ID", "two\nlines"),
        ("SF_CLIENT_SECRET", "half an emoji \ud83d"),
    ],
)
def test_a_mistake_names_its_variable(variable, value):
    """Each malformed variable is one ConfigurationError that names it."""
    with pytest.raises(ConfigurationError, match=variable):
        settings_from_env({variable: value})


@pytest.mark.parametrize(
    ("given_url", "login_url"),
    [({"SF_INSTANCE_URL": MY_DOMAIN}, MY_DOMAIN), ({}, LOGIN_URL), ({"SF_LOGIN_URL": MY_DOMAIN}, MY_DOMAIN)],
)
def test_the_login_host_defaults_to_the_instance_then_to_salesforce(given_url, login_url):
    """Who names only the instance logs in there; who names nothing, at Salesforce's own login."""
    assert settings_from_env(given_url).org_config().login_url == login_url


def test_a_key_on_one_line_gets_its_line_ends_back():
    r"""Where a variable cannot hold line ends, a literal \n stands for one."""
    settings = settings_from_env({"SF_PRIVATE_KEY": PEM.replace("\n", "\\n")})
    assert settings.private_key.reveal() == PEM


def test_a_key_may_be_named_by_its_file(tmp_path):
    """A value without a BEGIN line is the path of a PEM file."""
    file = tmp_path / "server.key"
    file.write_text(PEM)
    file.chmod(0o600)
    assert settings_from_env({"SF_PRIVATE_KEY": str(file)}).private_key.reveal() == PEM


@pytest.mark.catalogue("S16")
@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_key_file_open_to_all_is_warned_of(tmp_path):
    """A private key everybody may read still works, with a warning."""
    file = tmp_path / "server.key"
    file.write_text(PEM)
    file.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        settings_from_env({"SF_PRIVATE_KEY": str(file)})


@pytest.mark.catalogue("S16")
def test_a_key_that_cannot_be_read_is_not_repeated(tmp_path):
    """The value may be a key without its first line, so the message holds only the reason."""
    for value in (str(tmp_path / "canary.key"), "MIIEcanary" * 200, str(tmp_path)):
        with pytest.raises(ConfigurationError) as refusal:
            settings_from_env({"SF_PRIVATE_KEY": value})
        assert "canary" not in str(refusal.value)
        assert "SF_PRIVATE_KEY" in str(refusal.value)


@pytest.mark.parametrize(
    ("stranger", "meant"),
    [
        ("SF_CLIENTID", "SF_CLIENT_ID"),
        ("SF_USER_NAME", "SF_USERNAME"),
        ("SF_PRIVATE_KEY_FILE", "SF_PRIVATE_KEY"),
        ("sf_client_id", "SF_CLIENT_ID"),
    ],
)
def test_a_misspelt_variable_is_noticed(stranger, meant):
    """A variable one slip away from a setting is remembered for the message about missing credentials."""
    assert settings_from_env({stranger: "x"}).misspelt == (f"{stranger} (did you mean {meant}?)",)


@pytest.mark.parametrize("name", ["SF_PASSWORD", "SF_SECURITY_TOKEN", "SFDC_PASSWORD"])
def test_whoever_gives_a_password_is_told_that_none_is_taken(name):
    """Programs that log in by SOAP or the password flow leave such variables behind."""
    assert settings_from_env({name: "x", "SF_USERNAME": "u"}).misspelt == (f"{name} (no flow takes a password)",)


def test_variables_of_other_tools_are_no_misspellings():
    """The sf CLI's own variables, and names far from any setting, are left alone."""
    others = {"SF_LOG_LEVEL": "x", "SF_TARGET_ORG": "x", "SF_DISABLE_TELEMETRY": "x", "PATH": "x", "SFDATA_HOME": "x"}
    assert settings_from_env(others).misspelt == ()


@given(st.dictionaries(st.sampled_from([f"SF_{name.upper()}" for name in SETTINGS]), st.text(max_size=30)))
def test_no_environment_leads_to_anything_but_settings_or_a_named_mistake(environ):
    """Whatever the variables hold, the outcome is Settings or a ConfigurationError that names one of them."""
    try:
        settings_from_env(environ)
    except ConfigurationError as refusal:
        assert any(name in str(refusal) for name in environ)  # noqa: PT017 - either outcome is lawful


# --- profiles --------------------------------------------------------------------------------------------------------


def write_profiles(tmp_path, text, mode=0o600):
    file = tmp_path / "profiles.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_profile_is_a_table_of_the_same_settings(tmp_path, monkeypatch):
    """A profile in SFDATA_HOME reads like the environment, with lower-case names and plain numbers."""
    write_profiles(
        tmp_path,
        f'[prod]\ninstance_url = "{MY_DOMAIN}"\nclient_id = "key"\nclient_secret = "s1"\n'
        "timeout_seconds = 60\napi_version = 66.0\n[other]\nclient_id = 'k'\n",
    )
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    settings = settings_from_profile("prod")
    assert settings.client_secret.reveal() == "s1"
    assert settings.timeout_seconds == 60.0
    assert settings.api_version == "66.0"
    assert settings.label("client_id") == "client_id"
    assert settings.source == "profile 'prod'"


def test_without_sfdata_home_the_users_configuration_folder_is_read(monkeypatch):
    """The profile file has one place per system."""
    monkeypatch.delenv("SFDATA_HOME", raising=False)
    assert profiles_path().name == "profiles.toml"
    assert "sfdata" in str(profiles_path().parent)


@pytest.mark.catalogue("S15")
@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_profile_with_secrets_must_be_private(tmp_path, mode):
    """A file with a secret in it that others may read is refused; the hint is the command that mends it."""
    file = write_profiles(tmp_path, '[prod]\nclient_secret = "canary"\n', mode)
    with pytest.raises(ConfigurationError) as refusal:
        settings_from_profile("prod", file)
    assert f"chmod 600 {file}" in str(refusal.value)
    assert "canary" not in str(refusal.value)


def test_a_profile_without_secrets_may_be_shared(tmp_path):
    """A key named by its file is no secret, so such a profile may be readable."""
    key = tmp_path / "server.key"
    key.write_text(PEM)
    key.chmod(0o600)
    file = write_profiles(tmp_path, f'[prod]\nclient_id = "k"\nprivate_key = "{key}"\n', 0o644)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert settings_from_profile("prod", file).private_key.reveal() == PEM


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[dev]\nclient_id = "k"\n', "dev"),
        ('[prd]\nclient_id = "k"\n', "Did you mean prd?"),
        ("", "'local' is the embedded org"),
        ('[prod]\nclientid = "k"\n', "client_id"),
        ('[prod]\ncolour = "red"\n', "Known settings"),
        ("[prod\n", "not valid TOML"),
        ('[prod]\napi_version = "67"\n', "67.0"),
    ],
)
def test_a_wrong_profile_says_what_is_right(tmp_path, text, said):
    """Unknown names, unknown keys and broken files are answered with what there is."""
    with pytest.raises(ConfigurationError) as refusal:
        settings_from_profile("prod", write_profiles(tmp_path, text))
    assert said in str(refusal.value)


@pytest.mark.parametrize("name", ["https://acme.my.salesforce.com", "acme.my.salesforce.com"])
def test_an_address_is_no_profile(tmp_path, name):
    """Who gives an address where a profile's name belongs is told where addresses go."""
    with pytest.raises(ConfigurationError) as refusal:
        settings_from_profile(name, write_profiles(tmp_path, ""))
    assert "instance_url" in refusal.value.hint


def test_a_missing_profile_file_is_named(tmp_path):
    """The message names the file that was looked for."""
    with pytest.raises(ConfigurationError, match=r"profiles\.toml"):
        settings_from_profile("prod", tmp_path / "profiles.toml")
