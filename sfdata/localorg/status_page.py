"""The page at ``/``: what is in the org, what was asked of it lately, how to connect. Read-only, and without a login:
it shows nothing that opens anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sfdata.localorg.instance import Instance
from sfdata.localorg.pages import Html, fill, fill_each, page
from sfdata.localorg.request_log import Entry
from sfdata.localorg.routing import Answer, Request, Route
from sfdata.localorg.versions import NEWEST, OLDEST
from sfdata.localorg.welcome import instructions

PATH = "/"
REFRESH_SECONDS = 5
MOST_JOBS = 10

FACT = "<div><dt>$name</dt><dd>$value</dd></div>"
OBJECT = "<tr><td>$label</td><td><code>$name</code></td><td class='number'>$rows</td></tr>"
REQUEST = (
    "<tr><td class='time'>$time</td><td>$method</td><td>$path</td>"
    "<td class='number $kind'>$status</td><td class='number'>$ms</td></tr>"
)
NOTHING = "<tr><td colspan='5' class='faint'>None yet.</td></tr>"
CLIENT = "<h3>$client</h3><pre>$text</pre>"
JOBS = (
    "<h2>Bulk jobs</h2><table><thead><tr><th>Created</th><th>Job</th><th>Object</th><th>State</th>"
    "<th class='number'>Rows</th><th class='number'>Failed</th></tr></thead><tbody>$rows</tbody></table>"
)
JOB = (
    "<tr><td class='time'>$time</td><td>$operation</td><td>$object</td><td>$state</td>"
    "<td class='number'>$processed</td><td class='number'>$failed</td></tr>"
)
PLACEHOLDERS = {name: f"<{name}>" for name in ("client_id", "private_key_file")}


def status(request: Request) -> Answer:
    """``GET /``: the page."""
    org = request.org
    rows = org.storage.rows()
    filled = sorted((name for name in rows if rows[name]), key=lambda name: (-rows[name], name))
    return page(
        "status",
        f"{org.organization_name} · local org",
        refresh_seconds=REFRESH_SECONDS,
        organization=org.organization_name,
        instance_url=org.instance_url,
        facts=fill_each(FACT, _facts(org)),
        objects=fill_each(OBJECT, ({**_object(org, name), "rows": f"{rows[name]:,}"} for name in filled)),
        empty=f"{len(rows) - len(filled)} more objects have no rows.",
        jobs=_jobs(org),
        requests=fill_each(REQUEST, map(_request, org.request_log.latest())) or Html(NOTHING),
        connect=_connect(org),
        seconds=REFRESH_SECONDS,
    )


def _facts(org: Instance) -> Iterator[dict[str, object]]:
    used, limit = org.usage.used, org.usage.limit
    facts = {
        "Uptime": _duration(datetime.now(UTC) - org.started_at),
        "Today in the org": org.clock().date().isoformat(),
        "User": org.base.username,
        "API calls in 24 h": f"{used:,} of {limit:,}",
        "Data storage": f"{org.storage.used['DataStorageMB']:,} MB",
        "API versions": f"{OLDEST}.0 – {NEWEST}.0",
        "Kept in": org.options.data.resolve().name if org.options.data else "memory",
    }
    for name, value in facts.items():
        yield {"name": name, "value": value}


def _object(org: Instance, name: str) -> dict[str, object]:
    return {"name": name, "label": org.object(name).label_plural}


def _request(entry: Entry) -> dict[str, object]:
    return {
        "time": f"{entry.at:%H:%M:%S}",
        "method": entry.method,
        "path": entry.path,
        "status": entry.status,
        "kind": "bad" if entry.status >= 400 else "good",
        "ms": f"{entry.milliseconds:.1f}",
    }


def _jobs(org: Instance) -> Html:
    jobs = org.bulk.jobs.listed()[: -MOST_JOBS - 1 : -1]
    if not jobs:
        return Html()
    shown: Iterator[dict[str, object]] = (
        {
            "time": f"{job.created:%H:%M:%S}",
            "operation": job.settings.operation,
            "object": job.settings.object.name,
            "state": job.state,
            "processed": f"{job.processed:,}",
            "failed": f"{job.failed:,}",
        }
        for job in jobs
    )
    return fill(JOBS, rows=fill_each(JOB, shown))


def _connect(org: Instance) -> Html:
    tls = org.instance_url.startswith("https:")
    info = {"instance_url": org.instance_url, "username": org.base.username, "ca_file": "<ca_file>" if tls else None}
    texts = instructions({**PLACEHOLDERS, **info})
    return fill_each(CLIENT, ({"client": client, "text": text} for client, text in texts.items()))


def _duration(time: timedelta) -> str:
    minutes, seconds = divmod(int(time.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = {"d": days, "h": hours, "min": minutes, "s": seconds}
    told = [f"{number} {unit}" for unit, number in parts.items() if number]
    return " ".join(told[:2]) or "0 s"


ROUTES: tuple[Route, ...] = (Route("GET", PATH, status, "Status page", public=True),)
