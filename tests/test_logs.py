"""What a log shows, what it never shows, and that nothing is shown unasked."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys

import pytest

import sfdata
from sfdata.errors import ConfigurationError
from sfdata.logs import LOG, ConnectionLog
from sfdata.redaction import MASK, masked, masked_path, masked_statement
from sfdata.resilience.hooks import CallDone, JobState, RetryScheduled, RowsRead, StatementSent, TokenRenewed
from sfdata.secret import Secret

SESSION_ID = "00D5g000004XyZ1!AQkAQPo.canary.Jx7f3a9"
CALL = CallDone("c1", "GET", "/services/data/v67.0/query", 200, 0.12345, 1, 0, 4512, "TID:77")


class Keeper:
    """Holds a secret, as a connection does."""

    def __init__(self, value):
        self.secret = Secret(value)

    def masked(self, text):
        return self.secret.masked_in(text)


@pytest.fixture
def tell(caplog):
    """Sends events to the log of a connection; gives the records they make."""
    caplog.set_level(logging.DEBUG, "sfdata")
    keeper = Keeper("canary-secret/7")
    log = ConnectionLog("acme.my.salesforce.com", keeper.masked)

    def tell(*events):
        caplog.clear()
        for event in events:
            log(event)
        return list(caplog.records)

    tell.keeper = keeper
    return tell


# --- what stands there -----------------------------------------------------------------------------------------------


def test_a_call_is_one_line_with_its_names_counts_and_status(tell):
    """One call makes one record; what the line says are attributes of the record, too."""
    (record,) = tell(CALL)
    assert record.getMessage() == (
        "acme.my.salesforce.com GET /services/data/v67.0/query 200 "
        "seconds=0.123 sent=0 received=4512 retries=0 request_id=c1 correlation_id=TID:77"
    )
    assert (record.status, record.request_id, record.correlation_id, record.retries) == (200, "c1", "TID:77", 0)
    assert record.levelno == logging.INFO


@pytest.mark.parametrize(
    ("event", "level", "says"),
    [
        (CallDone("c", "PATCH", "/x", 503, 1.0, 4, 9, 9), logging.WARNING, "PATCH /x 503 seconds=1.0"),
        (CallDone("c", "GET", "/x", None, 1.0, 4, 0, 0, None, "RequestTimeout"), logging.WARNING, "retries=3"),
        (CallDone("c", "GET", "/x", None, 1.0, 4, 0, 0, None, "RequestTimeout"), logging.WARNING, "no answer"),
        (CallDone("c", "GET", "/x", 404, 1.0, 1, 0, 9), logging.INFO, "GET /x 404"),
        (RetryScheduled("GET", "/x", 1, 2.5, "status 503"), logging.WARNING, "status 503: attempt 2 in 2.5 s"),
        (TokenRenewed("jwt bearer", "refused"), logging.INFO, "logged in by jwt bearer (refused)"),
        (RowsRead(2000, 4500, False), logging.DEBUG, "2,000 of 4,500 rows read"),
        (RowsRead(4500, 4500, True), logging.INFO, "4,500 of 4,500 rows read"),
    ],
)
def test_each_event_has_its_level(tell, event, level, says):
    """What may have to be looked into is a warning, what a reader counts on is told, the rest is for debugging."""
    (record,) = tell(event)
    assert record.levelno == level
    assert says in record.getMessage()


def test_a_job_is_named_in_the_lines_of_its_calls_and_told_when_its_state_changes(tell):
    """A call about a job has the job's Id; a state that lasts is told once above the level of debugging."""
    job = "750xx0000000001AAA"
    (call,) = tell(CallDone("c", "GET", f"/services/data/v67.0/jobs/query/{job}/results", 200, 1.0, 1, 0, 9))
    assert call.job == job
    states = tell(JobState(job, "InProgress", None), JobState(job, "InProgress", 5), JobState(job, "JobComplete", 9))
    assert [record.levelname for record in states] == ["INFO", "DEBUG", "INFO"]


def test_a_read_of_an_org_is_a_log_of_its_calls(caplog):
    """Against a real org, each request makes one line, which bears the org's own name for it."""
    caplog.set_level(logging.INFO, "sfdata")
    with sfdata.connect("local") as org:
        org.query("SELECT Id FROM Account LIMIT 1")
    lines = [record for record in caplog.records if hasattr(record, "request_id")]
    asked = {record.path.rpartition("/")[2] for record in lines}
    assert asked - {"token"} == {"query", "describe"}  # an earlier connection may have logged in for this one, too
    for name in ("request_id", "correlation_id"):
        assert len({getattr(record, name) for record in lines}) == len(lines)
    assert all(record.received > 0 and record.seconds > 0 for record in lines)


# --- asked for or not ------------------------------------------------------------------------------------------------


def printed_by(program):
    """What a fresh interpreter prints that runs ``program`` with an event to tell."""
    lines = [
        "import logging, sfdata",
        program,
        "from sfdata.logs import ConnectionLog",
        "from sfdata.resilience.hooks import RetryScheduled",
        "from sfdata.secret import Secret",
        "class Keeper:",
        "    def masked(self, text): return text",
        "keeper = Keeper()",
        "ConnectionLog('host', keeper.masked)(RetryScheduled('GET', '/x', 1, 2.5, 'status 503'))",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("program", "lines"),
    [
        ("", 0),
        ("logging.basicConfig(level=logging.INFO)", 1),
        ("sfdata.log_to()", 1),
        ("sfdata.log_to(level='ERROR')", 0),
        ("sfdata.log_to()()", 0),
    ],
)
def test_nothing_is_printed_unless_asked(program, lines):
    """Not even a warning shows up by itself; the standard library's way to ask works, and so does ours."""
    assert printed_by(program).count("status 503") == lines


def test_a_log_goes_where_it_is_sent_until_it_is_ended(tmp_path, tell):
    """A stream or a file takes the lines of its level; the file is its owner's alone; ending it leaves no trace."""
    stream, path, before = io.StringIO(), tmp_path / "sfdata.log", list(LOG.handlers)
    ends = [sfdata.log_to(stream), sfdata.log_to(path, "WARNING")]
    tell(CALL, RetryScheduled("GET", "/x", 1, 2.5, "status 503"))
    for end in ends:
        end()
    tell(CALL)
    assert stream.getvalue().count("\n") == 2
    assert path.read_text().count("\n") == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert LOG.handlers == before


@pytest.mark.parametrize("where", [{"level": "LOUD"}, {"where": "/nowhere/at/all.log"}])
def test_a_log_that_cannot_be_is_a_configuration_error(where):
    """A level that is none, a file that cannot be written: said at once, and nothing stays behind."""
    before = list(LOG.handlers)
    with pytest.raises(ConfigurationError):
        sfdata.log_to(**where)
    assert LOG.handlers == before


# --- what never stands there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SESSION_ID}",
        f"{{'Authorization': 'Bearer {SESSION_ID}'}}",
        "[(b'X-SFDC-Session', b'canary'), (b'Date', b'today')]",
        "[(b'Set-Cookie', b'sid=canary'), (b'X-Whatever-Comes', b\"ca'canary'\")]",
        "Headers({'x-any': 'canary', 'date': 'today'})",
        f"https://acme.my.salesforce.com/secur/frontdoor.jsp?sid={SESSION_ID}&retURL=x",
        "refresh_token=5Aep861canary0123456789012345&x=1",
        '{"access_token": "canary", "id": 1}',
        "assertion=eyJhbGciOiJSUzI1NiJ9.canary.canary",
        "eyJhbGciOiJSUzI1NiJ9.canary.canary",
        "proxy http://user:canary@proxy:3128 refused",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\ncanary",
        f"session {SESSION_ID.replace('!', '%21')} is gone",
        "GET https://x/services/data/v67.0/query?q=SELECT+canary+FROM+A&x=1",
        "client_secret='canary', grant_type='x'",
        "SELECT Id FROM Contact WHERE Name = 'canary' AND Email LIKE 'canary%'",
        "WHERE Name IN ('canary','canary \\' canary')\n      ^\nERROR at Row:1:Column:3",
    ],
)
@pytest.mark.catalogue("S2")
def test_secrets_and_values_are_taken_out_by_their_look(text):
    """Every form in which a secret is known to turn up is masked, without knowing the secret."""
    assert "canary" not in masked(text)
    assert MASK in masked(text) or "?" in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "GET /services/data/v67.0/query 200",
        "[(b'Date', b'Sat, 21 Nov 2026 15:39:43 GMT'), (b'Sforce-Limit-Info', b'api-usage=1/15000')]",
        "INVALID_FIELD: No such column 'Idd' on entity 'Account'.",
        "the token was renewed, and the secret is safe",
        "logged in by client credentials (first use)",
        "Account 0015g00000XyZabAAB was changed at 12:30",
        "HTTPSConnection(host='acme.my.salesforce.com', port=443)",
    ],
)
def test_what_is_harmless_stays_readable(text):
    """Masking leaves ordinary lines as they are."""
    assert masked(text) == text


@pytest.mark.parametrize(
    "make",
    [
        lambda log, secret: log.warning(f"x {secret} y"),
        lambda log, secret: log.warning("x %s", secret),
        lambda log, secret: log.warning("x %(a)s", {"a": secret}),
        lambda log, secret: log.warning("x %.3s", {"deep": [secret]}),
        lambda log, secret: log.warning("x", extra={"sent": secret}),
        lambda log, secret: log.warning("x", extra={"sent": {"deep": [(secret,)]}}),
        lambda log, secret: log.warning("x", extra={"access_token": "canary-other"}),
        lambda log, secret: log.warning("x", extra={"sent": {"Authorization": "canary-other"}}),
        lambda log, secret: log.warning("x", exc_info=ValueError(secret)),
        lambda log, secret: log.warning("x", exc_info=(ValueError, ValueError(secret), None)),
        lambda log, secret: log.warning("x %d", secret),  # logging's own complaint shows message and arguments
    ],
)
@pytest.mark.parametrize("logger", ["sfdata", "httpx", "httpcore.http11", "httpcore.proxy"])
@pytest.mark.parametrize("form", [str, "canary-secret%2F7".format, lambda secret: "Y2FuYXJ5LXNlY3JldC83"])
@pytest.mark.catalogue("S2")
def test_a_known_secret_is_taken_out_of_every_part_of_a_record(tell, make, logger, form):
    """Plain, as in a URL, in base64; in the message, arguments, exception or extras; by any formatter or none."""
    heard = []

    class Greedy(logging.Handler):
        """Shows all there is, as a handler that writes JSON would."""

        def emit(self, record):
            heard.append(f"{vars(record)!r} {record.exc_info and repr(record.exc_info[1])} {self.format(record)}")

        def handleError(self, record):
            heard.append(f"{record.msg} {record.args}")

    log, handler = logging.getLogger(logger), Greedy()
    log.addHandler(handler)
    try:
        make(log, form("canary-secret/7"))
    except TypeError:
        pass
    finally:
        log.removeHandler(handler)
    (shown,) = heard or [""]
    assert "canary" not in shown.replace("canary_", "")
    assert "Y2FuYXJ5" not in shown


@pytest.mark.parametrize(
    ("soql", "shown"),
    [
        (
            "SELECT Id FROM A WHERE Name = 'O\\'Neil' AND X > 5 LIMIT 10 OFFSET 20",
            "SELECT Id FROM A WHERE Name = ? AND X > ? LIMIT 10 OFFSET 20",
        ),
        ("SELECT Id FROM A WHERE D = 1999-12-31 OR T < 2026-01-01T00:00:00Z", "SELECT Id FROM A WHERE D = ? OR T < ?"),
        ("SELECT Id FROM A WHERE D = LAST_N_DAYS:30 AND B = TRUE", None),
        ("SELECT Id FROM A WHERE Id IN ('0015g00000XyZabAAF','0015g00000XyZab')", None),
        ("SELECT Id FROM A WHERE Name = 'InternationalGmAAA'", "SELECT Id FROM A WHERE Name = ?"),
        ("SELECT Id FROM A WHERE Name = 'internationalab'", "SELECT Id FROM A WHERE Name = ?"),
        ("SELECT Id FROM A WHERE Phone = '004915112345678'", "SELECT Id FROM A WHERE Phone = ?"),
        ("SELECT Id FROM A WHERE Name = 'not closed", "SELECT Id FROM A WHERE Name = ?"),
        ("SELECT Id FROM A WHERE P > EUR5000", "SELECT Id FROM A WHERE P > ?"),
    ],
)
def test_values_of_a_statement_are_taken_out_and_ids_stay(soql, shown):
    """Texts, numbers, amounts and dates are people's data; Ids, words and bounds are what a log is read for."""
    assert masked_statement(soql) == (shown or soql)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/services/data/v67.0/sobjects/Contact/Email/ngo@example.com", "…/sobjects/Contact/Email/?"),
        ("/services/data/v67.0/sobjects/Contact/Ext__c/a%20b", "…/sobjects/Contact/Ext__c/?"),
        ("/services/data/v67.0/sobjects/Contact/0035g00000XyZabAAF", None),
        ("/services/data/v67.0/sobjects/Contact/0035g00000XyZab/Account", None),
        ("/services/data/v67.0/sobjects/Contact/describe/layouts", None),
        ("/services/data/v67.0/jobs/query/750xx0000000001AAA/results", None),
    ],
)
def test_the_value_of_a_key_in_a_path_is_taken_out(path, shown):
    """A path names object, key and Ids; what a key is looked up by is data."""
    assert masked_path(path) == (path if shown is None else shown.replace("…", "/services/data/v67.0"))


def test_a_statement_is_told_without_its_values(tell):
    """The line and the record's attribute show the same masked statement."""
    (record,) = tell(StatementSent("rest", "SELECT Id FROM Contact WHERE Email = 'canary@example.com'"))
    assert record.levelno == logging.DEBUG
    assert record.soql == "SELECT Id FROM Contact WHERE Email = ?"
    assert "canary" not in json.dumps({name: repr(value) for name, value in vars(record).items()})
