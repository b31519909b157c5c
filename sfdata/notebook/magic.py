"""``%%soql`` and ``%soql``: a query in a cell, its result in a variable or below the cell."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand

from sfdata.errors import ConfigurationError, ResultTruncated, SalesforceError
from sfdata.notebook.display import ErrorDisplay, show_interrupted, tell, warn
from sfdata.notebook.options import Options, split_line, takes_options
from sfdata.notebook.session import Session

if TYPE_CHECKING:
    import pandas as pd

    from sfdata.org import Org
    from sfdata.transfer.soql_query import Soql


@magics_class
class SoqlMagics(Magics):
    """The query magic of one shell."""

    def __init__(self, shell: InteractiveShell, session: Session, errors: ErrorDisplay) -> None:
        super().__init__(shell)
        self.user_shell = shell
        self.session = session
        self.errors = errors

    @line_cell_magic
    @no_var_expand
    @needs_local_scope
    @takes_options
    def soql(
        self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None
    ) -> pd.DataFrame | None:
        """Run a SOQL query; the result is a typed DataFrame with every row.

        In a cell, options stand on the first line and the query below it:

            %%soql deals --org prod
            SELECT Name, Amount, Owner.Name FROM Opportunity
            WHERE StageName IN :stages AND CloseDate = THIS_QUARTER

        On a line, the query follows the options:

            big = %soql SELECT Name FROM Account WHERE AnnualRevenue > :threshold

        :name is the value of that variable, written by its type (text, number, date, list, column of a frame:
        :owners.Id). Text is quoted for you; no value can leave its place in the query.
        """
        head, text = split_line(line) if cell is None else (line, cell)
        options = Options.parse(SoqlMagics.soql, head)
        namespace = {**self.user_shell.user_ns, **(local_ns or {})}
        try:
            frame = self._run(options, text.rstrip("; \t\r\n"), namespace)
        except KeyboardInterrupt as interrupt:
            show_interrupted(interrupt, "interrupted: nothing was assigned")
            raise
        except SalesforceError as error:
            if options.traceback:
                self.errors.in_full(error)
            raise
        if frame is None:
            return None
        # IPython's own way to hear a trailing semicolon reads the cell as Python, and stumbles over SOQL's indentation.
        hidden = cell is not None and (options.quiet or text.rstrip().endswith(";"))
        self._deliver(frame, options, hidden)
        return None if hidden or options.name else frame

    def _run(self, options: Options, text: str, namespace: Mapping[str, Any]) -> pd.DataFrame | None:
        """The result, or after a dry run none."""
        if not text.strip():
            raise ConfigurationError("there is no query", hint="On one line: %soql SELECT Name FROM Account LIMIT 5")
        values = options.values(namespace)
        org = self.session.org(options.org, namespace)
        binds = {**namespace, **values}
        query = org.soql(text, binds, all_rows=options.all_rows, engine=options.engine, parallel=options.parallel)
        if options.dry_run:
            for line in dry_run(query, options.max_rows):
                tell(line)
            return None
        return self._read(org, query, options)

    def _deliver(self, frame: pd.DataFrame, options: Options, hidden: bool) -> None:
        """The result into its variable, and the lines that say so."""
        if options.name is not None:
            self.user_shell.user_ns[options.name] = frame
        if options.quiet:
            return
        if truncated := frame.attrs.get("sfdata", {}).get("truncated"):
            by_rows = truncated["bound"] == "max_rows"
            bound = f"--max-rows {options.max_rows}" if by_rows else f"--max-memory {options.max_memory}"
            warn(f"showing {truncated['rows']:,} of {truncated['total']:,} rows ({bound})")
        if options.name is not None:
            tell(f"{_shape(frame)} → {options.name}")
        elif hidden:
            tell(f"{_shape(frame)}, not shown because of the semicolon")
        for name, rows in getattr(frame.attrs.get("sfdata"), "children", {}).items():
            tell(f'{_counted(len(rows), "row")} of {name} → sfdata.children({options.name or "_"}, "{name}")')

    def _read(self, org: Org, query: Soql, options: Options) -> pd.DataFrame:
        from sfdata.notebook.progress import progress, telling_the_engine  # not needed to load the extension

        with ExitStack() as shown, warnings.catch_warnings():
            warnings.simplefilter("ignore", ResultTruncated)  # a line of ours says the same
            if not options.quiet:
                shown.enter_context(telling_the_engine(org.hooks))
                shown.enter_context(progress(org.hooks, self.user_shell, always=options.progress))
            return query.to_pandas(
                dtype_backend=options.dtype_backend,
                index_col=options.index,
                max_rows=options.max_rows,
                max_memory=options.max_memory,
            )


def dry_run(query: Soql, max_rows: int | None = None) -> list[str]:
    """What would happen, in lines: the query as it would be sent, and what reading it would cost."""
    cost = query.cost(max_rows=max_rows)
    return [query.text, *cost.lines]


def _shape(frame: pd.DataFrame) -> str:
    rows, columns = frame.shape
    return f"{_counted(rows, 'row')} × {_counted(columns, 'column')}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
