"""What reading takes of memory does not grow with the result."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

ROWS, PAGE = 200_000, 2_000
TEXT = 600
"""Bytes of each row's text, so that all rows together have 120 MB and more."""
BOUND = 110
"""Megabytes that the process may grow by: it was 68 when measured, and 158 with all rows kept."""

READER = r"""
import re, sys
import sfdata

def peak():
    status = open("/proc/self/status").read()  # getrusage counts what the parent had before exec
    return int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1024

org = sfdata.connect(instance_url=sys.argv[1], access_token="00D!x")
org.query("SELECT Id, Name FROM Account LIMIT 1")
idle, rows, checksum = peak(), 0, 0
for frame in org.soql("SELECT Id, Name FROM Account").chunks(10_000):
    rows += len(frame)
    checksum += int(frame["Name"].str.len().sum())
print(rows, checksum, round(peak() - idle))
"""


def described():
    field = {"label": "x", "length": 18, "nillable": True, "referenceTo": [], "relationshipName": None}
    fields = [field | {"name": "Id", "type": "id"}, field | {"name": "Name", "type": "string", "length": TEXT}]
    return {"name": "Account", "label": "Account", "queryable": True, "fields": fields, "childRelationships": []}


def records(count):
    """So many records as JSON, with ``@@@@`` where the number of the page goes."""
    record = '{{"attributes":{{"type":"Account"}},"Id":"001@@@@0000{row:04}AAA","Name":"{text}"}}'
    return ",".join(record.format(row=row, text="x" * TEXT) for row in range(count)).encode()


class Org(BaseHTTPRequestHandler):
    """An org of one object, which writes its pages as they are asked for."""

    protocol_version = "HTTP/1.1"
    page = records(PAGE)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.endswith("/describe"):
            body = json.dumps(described()).encode()
        elif "LIMIT" in self.path:
            body = b'{"totalSize":1,"done":true,"records":[%s]}' % records(1).replace(b"@@@@", b"0000")
        else:
            start = int(path.rpartition("-")[2]) if "-" in path else 0
            following = start + PAGE
            more = b'"done":false,"nextRecordsUrl":"/services/data/v67.0/query/0r8xx-%d"' % following
            tail = more if following < ROWS else b'"done":true'
            here = self.page.replace(b"@@@@", b"%04d" % (start // PAGE))
            body = b'{"totalSize":%d,%s,"records":[%s]}' % (ROWS, tail, here)
        self.send_response(200)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="the measure is Linux's")
def test_rows_that_are_streamed_do_not_pile_up():
    """200,000 rows with 120 MB of text pass in chunks, and the process has not grown by as much."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Org)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        run = subprocess.run([sys.executable, "-c", READER, address], capture_output=True, text=True, timeout=120)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
    assert run.returncode == 0, run.stderr[-2000:]
    rows, characters, megabytes = map(int, run.stdout.split())
    assert (rows, characters) == (ROWS, ROWS * TEXT)
    assert megabytes <= BOUND
