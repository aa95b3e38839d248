"""Conditions over the columns of a table: `service = 'imap' and duration_s > 5`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import compute

from analyzer.selection.grammar import Parser
from analyzer.selection.mistake import ConditionError, Mistake

if TYPE_CHECKING:
    from analyzer.tables.schema import Table

# what a condition computes is of so many rows at a time
_BATCH_ROWS = 65_536


class Condition:
    """A condition: true or false for each row of a table.

    It can compute nothing but from the row's own columns, in a time that grows with the
    rows and its own length alone.

    Args:
        text: what it says, as in the grammar of `analyzer.selection.grammar`.
        table: whose columns it may name.
        short: what users wrote, if that was shorter.

    Attributes:
        text: what it says.
        columns: those that it names.

    Raises:
        ConditionError: it means nothing.
    """

    def __init__(self, text: str, table: Table, short: str | None = None) -> None:
        self.text = text
        self._short = short
        try:
            parser = Parser(text, table.columns)
            self._term = parser.whole()
        except Mistake as mistake:
            raise ConditionError(text, mistake) from None
        self.columns = frozenset(parser.used)

    def __str__(self) -> str:
        return self.text if self._short is None else self._short

    def of(self, rows: pa.Table) -> pa.ChunkedArray:
        """Return for each row whether it is chosen: true or false, never null.

        Args:
            rows: of the table, with the columns that it names at least.
        """
        flags = [
            self._of_batch(batch)
            for batch in rows.to_batches(max_chunksize=_BATCH_ROWS)
        ]
        return pa.chunked_array(flags, pa.bool_())

    def _of_batch(self, batch: pa.RecordBatch) -> pa.Array:
        value = self._term.of(batch)
        if isinstance(value, pa.Scalar):
            return pa.repeat(bool(value.as_py()), len(batch))
        return compute.fill_null(value, fill_value=False)
