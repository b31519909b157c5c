"""Everything that is measured: sfdata, what people use now, and the limits nothing can be faster than.

    python benchmarks/readers.py '{"reader": "sfdata", "url": "http://127.0.0.1:1234", "digest": true}'

measures one reader in this fresh process and prints a line of JSON. A reader is a function that imports what it needs
and returns ``connect``, which returns ``read``; the clock runs from ``connect`` to the end of the first ``read``, or on
a warm connection around each of many. What cannot be imported or does not exist is ``skipped``, and the line says why.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import io
import json
import pkgutil
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import deals

Read = Callable[[], Any]
Connect = Callable[[], Read]

TOKEN = "00D000000000001!benchmark"
CLIENT = ("sfdata.api", "sfdata.frames", "sfdata.transfer", "sfdata.transport")
ON_FIRST_USE = ("httpcore", "pyarrow.csv", "pyarrow.json", "pyarrow.parquet", "sfdata.org")
NULLABLE = {"int": "Int64", "boolean": "boolean"}
DTYPES = NULLABLE | {"currency": "float64", "percent": "float64", "double": "float64"}
DATES = ("date", "datetime")
PARQUET = Path("deals.parquet")


# --- sfdata ----------------------------------------------------------------------------------------------------------


def sfdata_rest(url: str, *, parallel: int = 1) -> Connect:
    connection = _sfdata(url)

    def connect() -> Read:
        query = connection().soql
        return lambda: _read_by("rest", query(deals.REST_SOQL, engine="rest", parallel=parallel).to_pandas())

    return connect


def sfdata_parallel(url: str) -> Connect:
    return sfdata_rest(url, parallel=8)


def sfdata_bulk(url: str) -> Connect:
    connection = _sfdata(url, "sfdata.transfer.bulk_read")

    def connect() -> Read:
        query = connection().soql(deals.BULK_SOQL, engine="bulk")
        return lambda: _read_by("bulk", query.to_pandas())

    return connect


def sfdata_parquet(url: str) -> Connect:
    connection = _sfdata(url, "sfdata.transfer.bulk_read", "sfdata.transfer.parquet")

    def connect() -> Read:
        query = connection().soql(deals.BULK_SOQL, engine="bulk")

        def read() -> Path:
            query.to_parquet(PARQUET)
            return PARQUET

        return read

    return connect


def _sfdata(url: str, *needed: str) -> Callable[[], Any]:
    """What connects; every module of the client is loaded before, also those it loads on first use."""
    for name in (*ON_FIRST_USE, *needed):
        importlib.import_module(name)
    for package in CLIENT:
        home = importlib.import_module(package)
        for module in pkgutil.iter_modules(home.__path__, f"{package}."):
            importlib.import_module(module.name)
    import sfdata

    return lambda: sfdata.connect(instance_url=url, access_token=TOKEN, api_version=deals.VERSION)


def _read_by(engine: str, frame: Any) -> Any:
    assert frame.attrs["sfdata"]["engine"] == engine
    return frame


# --- what people use now ---------------------------------------------------------------------------------------------


def simple_salesforce_rest(url: str) -> Connect:
    """``pd.DataFrame(sf.query_all(soql)["records"])``: every value as JSON has it, parents as dictionaries."""
    import pandas as pd

    connection = _simple_salesforce(url)

    def connect() -> Read:
        org = connection()
        return lambda: pd.DataFrame(org.query_all(deals.REST_SOQL)["records"]).drop(columns="attributes")

    return connect


def simple_salesforce_typed(url: str) -> Connect:
    """The same, and then each column made what its field's type says."""
    untyped = simple_salesforce_rest(url)

    def connect() -> Read:
        read = untyped()
        return lambda: typed(read())

    return connect


def simple_salesforce_bulk(url: str) -> Connect:
    """``bulk2.query`` with the server's page size and without its wait of five seconds, pages by ``pd.read_csv``."""
    import pandas as pd

    connection = _simple_salesforce(url)

    def connect() -> Read:
        bulk = connection().bulk2.Deal__c

        def read() -> Any:
            pages = bulk.query(deals.BULK_SOQL, max_records=deals.BULK_PAGE_ROWS, wait=0)
            return pd.concat([_read_csv(io.StringIO(page)) for page in pages], ignore_index=True)

        return read

    return connect


def _simple_salesforce(url: str) -> Callable[[], Any]:
    import requests
    import simple_salesforce.api

    class Plain(requests.adapters.HTTPAdapter):  # simple-salesforce speaks https alone, this server does not
        def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
            request.url = request.url.replace("https://", "http://", 1)
            return super().send(request, *args, **options)

    def connect() -> Any:
        session = requests.Session()
        session.mount("https://", Plain())
        host = url.removeprefix("http://")
        options: dict[str, Any] = {"version": deals.VERSION, "session": session}
        return simple_salesforce.api.Salesforce(instance=host, session_id=TOKEN, **options)

    return connect


def _read_csv(page: Any) -> Any:
    """Typed as far as these records need it: naming every dtype, as safety would, takes pandas twice as long."""
    import pandas as pd

    kinds = {column: deals.FIELDS.get(column, "string") for column in deals.BULK_COLUMNS}
    dtypes: Any = {column: NULLABLE[kind] for column, kind in kinds.items() if kind in NULLABLE}
    return pd.read_csv(page, dtype=dtypes, parse_dates=[column for column, kind in kinds.items() if kind in DATES])


# --- limits ----------------------------------------------------------------------------------------------------------


def download_rest(url: str) -> Connect:
    """Pages one after the other with httpx, which inflates them by the standard library; none is looked into."""
    return _download_rest(url, lambda page: None)


def download_json(url: str) -> Connect:
    """The same, and ``json.loads``: the records are kept as dictionaries."""
    return _download_rest(url, lambda page: json.loads(page)["records"])


def _download_rest(url: str, parse: Callable[[bytes], Any]) -> Connect:
    client = _httpx(url)

    def connect() -> Read:
        get = client().get

        def read() -> Any:
            pages, path = [], f"{deals.DATA}/query"
            while path:
                body = get(path).raise_for_status().content
                pages.append(parse(body))
                found = re.search(rb'"nextRecordsUrl":"([^"]+)"', body[:1000])
                path = found[1].decode() if found else ""

        return read

    return connect


def download_bulk(url: str) -> Connect:
    """Pages of results one after the other, streamed and inflated by the standard library, and not kept."""

    def take(answer: Any) -> None:
        for _ in answer.iter_bytes():
            pass

    return _download_bulk(url, take)


def download_csv(url: str) -> Connect:
    """The same, and each page by ``pd.read_csv`` with types."""
    import pandas as pd

    def joined(pages: list[Any]) -> Any:
        return pd.concat(pages, ignore_index=True)

    return _download_bulk(url, lambda answer: _read_csv(io.BytesIO(answer.read())), joined)


def _download_bulk(url: str, take: Callable[[Any], Any], join: Callable[[list[Any]], Any] = lambda _: None) -> Connect:
    client = _httpx(url)

    def connect() -> Read:
        stream = client().stream

        def read() -> Any:
            pages, locator = [], "0"
            while locator != "null":
                with stream("GET", f"{deals.JOB}/results", params={"locator": locator}) as answer:
                    pages.append(take(answer.raise_for_status()))
                    locator = answer.headers["Sforce-Locator"]
            return join(pages)

        return read

    return connect


def _httpx(url: str) -> Callable[[], Any]:
    import httpcore  # noqa: F401 - which httpx loads with its first connection
    import httpx

    return lambda: httpx.Client(base_url=url, verify=False)


# --- loading ---------------------------------------------------------------------------------------------------------


def load_extension(url: str) -> Connect:
    """``%load_ext sfdata`` in a shell that has pandas."""
    import pandas as pd  # noqa: F401
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    return lambda: lambda: shell.run_line_magic("load_ext", "sfdata")


def import_sfdata(url: str) -> Connect:
    """All that a first ``sfdata.connect`` and ``org.soql`` import, beside pandas and IPython."""
    return _import("sfdata.org", "httpcore")


def import_simple_salesforce(url: str) -> Connect:
    return _import("simple_salesforce")


def import_pandas(url: str) -> Connect:
    """What is there before: pandas and IPython."""
    return lambda: lambda: [importlib.import_module(name) for name in ("pandas", "IPython")] and None


def _import(*names: str) -> Connect:
    import IPython  # noqa: F401
    import pandas as pd  # noqa: F401

    return lambda: lambda: [importlib.import_module(name) for name in names] and None


READERS: dict[str, Callable[[str], Connect]] = {
    "sfdata": sfdata_rest,
    "sfdata parallel=8": sfdata_parallel,
    "sfdata Bulk": sfdata_bulk,
    "sfdata Bulk to Parquet": sfdata_parquet,
    "simple-salesforce + pandas": simple_salesforce_rest,
    "simple-salesforce + pandas, typed": simple_salesforce_typed,
    "simple-salesforce bulk2 + read_csv": simple_salesforce_bulk,
    "download only": download_rest,
    "download + json.loads": download_json,
    "download only (CSV)": download_bulk,
    "download + read_csv": download_csv,
    "%load_ext sfdata": load_extension,
    "import sfdata's client": import_sfdata,
    "import simple_salesforce": import_simple_salesforce,
    "import pandas, IPython": import_pandas,
}


# --- measuring -------------------------------------------------------------------------------------------------------


def measure(reader: str, url: str, repeats: int = 0, digest: bool = False) -> dict[str, Any]:
    """One reader's run.

    Args:
        repeats: readings on a warm connection, the first one not counted; 0 for a single cold one.
        digest: tell the frame's fingerprint, too.

    Returns:
        ``wall`` and ``cpu`` in seconds per reading, ``memory`` in bytes from idle to the peak, and of what was read
        ``rows``, ``size`` (the frame's bytes) and ``digest``, where it is a frame. Or ``skipped``: why.
    """
    try:
        connect = READERS[reader](url)
    except ImportError as missing:
        return {"skipped": str(missing)}
    gc.collect()
    idle = _forget_peak()
    result, walls, cpu = _timed(connect, repeats)
    told: dict[str, Any] = {"wall": median(walls), "cpu": cpu, "memory": _peak() - idle}
    frame = _frame(result)
    if frame is not None:
        told |= {"rows": len(frame), "size": int(frame.memory_usage(deep=True).sum())}
        if digest:
            told["digest"] = fingerprint(typed(frame))
    return told


def _timed(connect: Connect, repeats: int) -> tuple[Any, list[float], float]:
    """What was read, the seconds of each reading, and the processor seconds of one."""
    if repeats:
        read = connect()
        read()
        connect = lambda: read  # noqa: E731
    walls, cpu = [], time.process_time()
    for _ in range(repeats or 1):
        start = time.perf_counter()
        result = connect()()
        walls.append(time.perf_counter() - start)
    return result, walls, (time.process_time() - cpu) / len(walls)


def _forget_peak() -> int:
    """The bytes in use; from here on `_peak` tells the most since now. Without Linux: the most ever, both."""
    status = Path("/proc/self/status")
    if not status.exists():
        return _peak()
    Path("/proc/self/clear_refs").write_text("5")
    return _kilobytes(status, "VmRSS")


def _peak() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # the other counter begins with what the parent process had
        return _kilobytes(status, "VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _kilobytes(status: Path, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def _frame(result: Any) -> Any:
    import pandas as pd

    if isinstance(result, Path):
        return pd.read_parquet(result)
    return result if isinstance(result, pd.DataFrame) else None


def typed(frame: Any) -> Any:
    """``frame`` with every column as its field's type says and parents flat; one that is so already stays as it is."""
    import pandas as pd

    if "Owner" in frame:
        frame["Owner.Name"] = [None if owner is None else owner["Name"] for owner in frame.pop("Owner")]
    for column in frame:
        kind = deals.FIELDS.get(column, "string")
        if kind in DATES:
            frame[column] = pd.to_datetime(frame[column], utc=True).dt.as_unit("ms")
        else:
            frame[column] = frame[column].astype(DTYPES.get(kind, "str"))
    return frame


def fingerprint(frame: Any) -> str:
    """The same for frames with the same columns, dtypes and values in the same order, and for no others."""
    import pandas as pd

    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    about = f"{frame.shape} {dict(frame.dtypes)}".encode()
    return hashlib.blake2b(rows.tobytes(), key=hashlib.blake2b(about).digest(), digest_size=12).hexdigest()


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
