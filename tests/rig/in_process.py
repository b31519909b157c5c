"""A local org inside the test's own process: no socket and no thread, so that a fault is where its seed puts it.

Requests reach the org's gateway by a function call, and a job's rows are written within the call that closes it. What
the org really did is told by its database, whose triggers know neither requests nor jobs.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, suppress
from io import BytesIO
from pathlib import Path

import httpx

from sfdata.localorg import gateway
from sfdata.localorg.bulk import ingest
from sfdata.localorg.bulk.dialect import DataRefused
from sfdata.localorg.bulk.work import Stopped
from sfdata.localorg.instance import open_instance
from sfdata.localorg.login.credentials import Credentials
from sfdata.localorg.options import Options

URL = "http://127.0.0.1:9"
EFFECTS = """
CREATE TABLE effects (number INTEGER PRIMARY KEY, effect TEXT, id TEXT, name TEXT);
CREATE TRIGGER effect_created AFTER INSERT ON "Account"
    BEGIN INSERT INTO effects (effect, id, name) VALUES ('created', NEW."Id", NEW."Name"); END;
CREATE TRIGGER effect_updated AFTER UPDATE OF "Site" ON "Account"
    BEGIN INSERT INTO effects (effect, id, name) VALUES ('updated', NEW."Id", NEW."Name"); END;
CREATE TRIGGER effect_deleted AFTER UPDATE OF "IsDeleted" ON "Account" WHEN NEW."IsDeleted"
    BEGIN INSERT INTO effects (effect, id, name) VALUES ('deleted', NEW."Id", NEW."Name"); END;
CREATE TRIGGER effect_purged AFTER DELETE ON "Account"
    BEGIN INSERT INTO effects (effect, id, name) VALUES ('purged', OLD."Id", OLD."Name"); END;
"""


class AtOnce:
    """Takes the place of the thread that works on jobs: the rows are written before ``submit`` returns.

    ``ends`` says of the next jobs how they end: ``("Failed", 2)`` after two transactions, ``("Aborted", 0)`` at once.
    Where it is ``busy``, jobs wait until it goes ``on``.
    """

    def __init__(self):
        self.ends = []
        self.busy = False
        self._waiting = []

    def submit(self, job, work):
        self._waiting.append((job, work))
        if not self.busy:
            self.on()

    def on(self):
        """Do all the work that waits."""
        self.busy = False
        while self._waiting:
            job, work = self._waiting.pop(0)
            if self.ends:
                _end_early(job, *self.ends.pop(0))
            with suppress(Stopped):
                work()

    def stop(self):
        """There is no thread."""


def _end_early(job, state, transactions):
    whole, left = job.step, [transactions]

    def step():
        if left[0] == 0:
            if state == "Failed":
                raise DataRefused("InternalServerError : the batch could not be processed")
            job.abort()
        left[0] -= 1
        return whole()

    job.step = step


class InProcessOrg:
    """The org; enter it. ``wire()`` leads to it, ``effects()`` tells what became of its accounts."""

    def __enter__(self):
        with ExitStack() as parts:
            folder = Path(parts.enter_context(tempfile.TemporaryDirectory()))
            options = Options(sample_data=False, limits={"DailyApiRequests": 10**9})
            self.instance = open_instance(options, URL, Credentials.create(folder))
            parts.callback(self.instance.close)
            self.worker = self.instance.bulk._ingest = AtOnce()
            self.instance.store.connection.executescript(EFFECTS)
            self.access_token, _ = self.instance.sessions.issue(self.instance.user_id, "start", "api id web")
            self._rows, ingest.CHUNK = ingest.CHUNK, 2  # rows of a transaction, so that small jobs have several
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *exception):
        ingest.CHUNK = self._rows
        self._parts.close()

    def wire(self):
        return InProcessWire(self.instance)

    @property
    def seen(self):
        """The number of the latest effect."""
        return self.instance.store.connection.execute("SELECT coalesce(max(number), 0) FROM effects").fetchone()[0]

    def effects(self, since=0):
        """``(effect, id, name)`` of what was done to accounts after the effect ``since``, in order."""
        rows = "SELECT effect, id, name FROM effects WHERE number > ? ORDER BY number"
        return self.instance.store.connection.execute(rows, (since,)).fetchall()

    def ask(self, method, path, **content):
        """A request of the administrator's, past everything that is tested."""
        headers = {"Authorization": f"Bearer {self.access_token}"}
        with httpx.Client(transport=self.wire(), base_url=f"{URL}/services/data/v66.0/", headers=headers) as client:
            return client.request(method, path, **content).raise_for_status()


class InProcessWire(httpx.BaseTransport):
    """An httpx transport to the gateway of an org in this process."""

    def __init__(self, instance):
        self._instance = instance

    def handle_request(self, request):
        target, headers = (
            request.url.raw_path.decode(),
            {name.lower(): value for name, value in request.headers.items()},
        )
        body = request.read()
        sent = BytesIO(body) if gateway.takes_file(request.method, target) else body
        given = gateway.answer(self._instance, request.method, target, headers, sent)
        content = given.body if given.file is None else b"".join(given.file.pieces())
        return httpx.Response(
            given.status, headers={**given.headers, "content-type": given.content_type}, content=content
        )
