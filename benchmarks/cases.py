"""What is compared with what, under which circumstances, and the goals. Each case is one table of results."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pages import Served

MB = 1e6


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound for one figure of `figures.FIGURES`: at least, or at most, so much."""

    figure: str
    least: float | None = None
    most: float | None = None

    def reached(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True)
class Entry:
    """A reader of `readers.READERS`, the goals its figures have, and its share of the case's rows."""

    reader: str
    goals: tuple[Goal, ...] = ()
    share: float = 1


@dataclass(frozen=True, slots=True)
class Case:
    """Readers of the same records from the same server.

    Attributes:
        title: says ``{rows}`` where their number belongs.
        served: by the server, which has the rows of the entry with the largest share; None needs no server.
        peer: the reader whose time and memory the others' are compared with.
        floor: the reader whose time is the least that reading one page after the other can take.
        repeats: readings on a warm connection per round; 0 for one cold reading.
        note: said below the title.
        quick_share: how much of the rows suffices for a quick look.
    """

    name: str
    title: str
    entries: tuple[Entry, ...]
    served: Served | None
    rounds: int
    peer: str | None = None
    floor: str | None = None
    repeats: int = 0
    note: str = ""
    quick_share: float = 0.2

    def rows(self, entry: Entry) -> int:
        """How many rows an entry reads."""
        return round(self.served.rows * entry.share) if self.served else 0

    def label(self, entry: Entry) -> str:
        several = len({one.share for one in self.entries}) > 1
        return f"{entry.reader}, {self.rows(entry):,} rows" if several else entry.reader

    def resized(self, *, rows: int | None = None, rounds: int | None = None) -> Case:
        """The same case with so many rows or rounds. Without a server it has no rows; with others it has no goals."""
        case = replace(self, rounds=rounds or self.rounds)
        if self.served is None or rows in (None, self.served.rows):
            return case
        entries = tuple(replace(entry, goals=()) for entry in self.entries)
        return replace(case, entries=entries, served=replace(self.served, rows=rows))

    def quick(self) -> Case:
        """The same case in a fraction of its time."""
        if self.served is None:
            return self.resized(rounds=3)
        return self.resized(rows=round(self.served.rows * self.quick_share), rounds=1)


SFDATA, PARALLEL = "sfdata", "sfdata parallel=8"
BULK, PARQUET = "sfdata Bulk", "sfdata Bulk to Parquet"
PEER, TYPED_PEER, BULK_PEER = (
    "simple-salesforce + pandas",
    "simple-salesforce + pandas, typed",
    "simple-salesforce bulk2 + read_csv",
)
DOWNLOAD, BULK_DOWNLOAD = "download only", "download only (CSV)"
JSON, CSV = "download + json.loads", "download + read_csv"
LIMITS = (Entry(JSON), Entry(DOWNLOAD))
FEW_PAGES = "No more pages than this: they would only repeat the wait."

CASES: tuple[Case, ...] = (
    Case(
        "gzip",
        "REST, {rows:,} rows × 15 columns, gzip, no latency",
        (
            Entry(SFDATA, (Goal("faster", least=14), Goal("floor", most=1.5), Goal("peer_memory", most=0.10))),
            Entry(PARALLEL),
            Entry(PEER),
            Entry(TYPED_PEER),
            *LIMITS,
        ),
        Served("rest", 200_000),
        rounds=5,
        peer=PEER,
        floor=DOWNLOAD,
    ),
    Case(
        "identity",
        "REST, {rows:,} rows × 15 columns, identity, no latency",
        (Entry(SFDATA), Entry(PEER), *LIMITS),
        Served("rest", 200_000, gzipped=False),
        rounds=3,
        peer=PEER,
        floor=DOWNLOAD,
    ),
    Case(
        "latency",
        "REST, {rows:,} rows × 15 columns, gzip, 100 ms per answer",
        (
            Entry(SFDATA, (Goal("floor", most=0.99),)),
            Entry(PARALLEL, (Goal("faster", least=10),)),
            Entry(PEER),
            *LIMITS,
        ),
        Served("rest", 80_000, latency_ms=100),
        rounds=3,
        peer=PEER,
        floor=DOWNLOAD,
        note=FEW_PAGES,
    ),
    Case(
        "link",
        "REST, {rows:,} rows × 15 columns, gzip, 100 ms per answer, a link of 20 Mbit/s",
        (Entry(SFDATA, (Goal("floor", most=0.60),)), Entry(PARALLEL), Entry(PEER), *LIMITS),
        Served("rest", 80_000, latency_ms=100, mbit=20),
        rounds=3,
        peer=PEER,
        floor=DOWNLOAD,
        note=f"{FEW_PAGES} All connections share the link.",
    ),
    Case(
        "small",
        "REST, {rows:,} rows × 15 columns, gzip, no latency, warm connection",
        (Entry(SFDATA, (Goal("faster", least=8),)), Entry(PEER), Entry(TYPED_PEER), *LIMITS),
        Served("rest", 2_000),
        rounds=5,
        peer=PEER,
        floor=DOWNLOAD,
        repeats=40,
        note="The median of 40 queries of one process, the first of which is not counted.",
        quick_share=1,
    ),
    Case(
        "cold",
        "REST, {rows:,} rows × 15 columns, gzip, no latency, the first query of a process",
        (Entry(SFDATA), Entry(PEER), Entry(TYPED_PEER), Entry(DOWNLOAD)),
        Served("rest", 2_000),
        rounds=7,
        peer=PEER,
        floor=DOWNLOAD,
        note="With the connection, but without the imports.",
        quick_share=1,
    ),
    Case(
        "million",
        "REST, {rows:,} rows × 15 columns, gzip, no latency",
        (
            Entry(SFDATA, (Goal("growth", most=1.1),)),
            Entry(SFDATA, share=0.1),
            Entry(PEER),
            Entry(DOWNLOAD),
        ),
        Served("rest", 1_000_000),
        rounds=3,
        peer=PEER,
        floor=DOWNLOAD,
        note="Ten times the rows should take ten times as long; a tenth more is allowed for the machine's moods.",
    ),
    Case(
        "bulk",
        "Bulk, {rows:,} rows × 12 columns, gzip, no latency",
        (
            Entry(BULK, (Goal("faster", least=5.5), Goal("floor", most=0.75), Goal("frame_memory", most=1.5))),
            Entry(PARQUET, (Goal("memory", most=70 * MB),)),
            Entry(BULK_PEER),
            Entry(CSV),
            Entry(BULK_DOWNLOAD),
        ),
        Served("bulk", 1_000_000),
        rounds=5,
        peer=BULK_PEER,
        floor=BULK_DOWNLOAD,
        note="250,000 rows a page. The job is complete when first asked about; simple-salesforce asks at once.",
    ),
    Case(
        "parquet",
        "Bulk to Parquet, {rows:,} rows and a third of them × 12 columns, gzip, no latency",
        (
            Entry(PARQUET, (Goal("memory", most=70 * MB), Goal("growth", most=1.1))),
            Entry(PARQUET, (Goal("memory", most=70 * MB),), share=1 / 3),
        ),
        Served("bulk", 3_000_000),
        rounds=3,
    ),
    Case(
        "loading",
        "Loading",
        (
            Entry("%load_ext sfdata", (Goal("wall", most=0.010),)),
            Entry("import sfdata's client"),
            Entry("import simple_salesforce"),
            Entry("import pandas, IPython"),
        ),
        None,
        rounds=11,
        note="Over pandas and IPython, which the last line is about. The client is what a first connection imports.",
    ),
)
