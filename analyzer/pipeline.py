"""From captures to tables: the only place where packets meet protocols.

capture -> batches -> segments -> streams -> dissectors -> events -> rows
"""

from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

from analyzer.session_reader import SessionReader
from analyzer.tables import Tables, in_order
from analyzer.workers import process_count, run_shares
from captures import (
    MAX_BATCH_BYTES,
    MAX_BATCH_PACKETS,
    ConnectionTable,
    Decoder,
    SegmentFilter,
    Share,
    open_captures,
)
from dissectors.detect import CLIENT_BEGINNINGS, SERVER_BEGINNINGS
from dissectors.services import PORTS

# takes the bytes of input that were read, and those there are in all if known
OnProgress = Callable[[int, int | None], None]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from analyzer.tables import UnorderedTable
    from captures import CaptureError, MergedCaptures
    from dissectors.services import Protocol


@dataclass
class Analysis:
    """What was found in some captures.

    Attributes:
        tables: the tables as Arrow tables, by name.
        captures: names of the captures, as they were given.
        packets: packets read.
        capture_bytes: bytes that these packets had on the wire.
        problems: captures that could not be read, or not to their end.
        undecoded: packets that could not be decoded, by reason.
        connections_given_up: connections that were ended early to bound memory.
    """

    tables: dict[str, pa.Table]
    captures: Sequence[str]
    packets: int = 0
    capture_bytes: int = 0
    problems: list[CaptureError] = field(default_factory=list)
    undecoded: Counter[str] = field(default_factory=Counter)
    connections_given_up: int = 0

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """One row per session (see `analyzer.schema`)."""
        return self._frame("sessions")

    @cached_property
    def messages(self) -> pd.DataFrame:
        """One row per message that crossed the wire in clear."""
        return self._frame("messages")

    @cached_property
    def exchanges(self) -> pd.DataFrame:
        """One row per command and its answer."""
        return self._frame("exchanges")

    @cached_property
    def anomalies(self) -> pd.DataFrame:
        """One row per oddity."""
        return self._frame("anomalies")

    def _frame(self, name: str) -> pd.DataFrame:
        import pandas as pd

        frame: pd.DataFrame = self.tables[name].to_pandas(types_mapper=pd.ArrowDtype)
        return frame


def analyze(
    captures: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    ports: Mapping[int, Protocol] = PORTS,
    max_packets: int = MAX_BATCH_PACKETS,
    max_bytes: int = MAX_BATCH_BYTES,
    processes: int | None = None,
    on_progress: OnProgress | None = None,
) -> Analysis:
    """Find all mail sessions in captures.

    Several captures are read as one, in time order.

    >>> analysis = analyze("tests/data/pop3-user-pass.pcap")
    >>> analysis.sessions[["protocol", "auth_mechanism", "auth_result"]].values.tolist()
    [['pop3', 'USER', 'success']]

    Args:
        captures: capture files; `-` is standard input.
        ports: the mail ports and their protocols.
        max_packets: most packets per batch.
        max_bytes: about the most bytes per batch.
        processes: how many processes share the work; `None` for as many as are
            worthwhile. The result is the same.
        on_progress: called after each batch with the bytes of input that were
            read, and those there are in all, if that is known.

    Returns:
        The tables, and what could not be read.
    """
    if isinstance(captures, (str, os.PathLike)):
        captures = [captures]
    paths = [os.fspath(path) for path in captures]
    count = process_count(paths) if processes is None else processes
    open_all = partial(
        open_captures, paths, max_packets=max_packets, max_bytes=max_bytes
    )

    def read(share: int) -> _Part:
        shown = on_progress if share == 0 else None
        return _read_share(open_all, ports, Share(share, count), shown)

    parts = run_shares(read, count)
    first = parts[0]
    return Analysis(
        tables=in_order([part.tables for part in parts]),
        captures=paths,
        packets=first.packets,
        capture_bytes=first.capture_bytes,
        problems=first.problems,
        undecoded=first.undecoded,
        connections_given_up=sum(part.connections_given_up for part in parts),
    )


@dataclass
class _Part:
    """What one process found; the attributes are those of `Analysis`."""

    tables: dict[str, UnorderedTable]
    packets: int
    capture_bytes: int
    problems: list[CaptureError]
    undecoded: Counter[str]
    connections_given_up: int


def _read_share(
    open_all: Callable[[], MergedCaptures],
    ports: Mapping[int, Protocol],
    share: Share,
    on_progress: OnProgress | None,
) -> _Part:
    """Read all packets, and follow this share of the connections."""
    tables = Tables()
    segment_filter = SegmentFilter(ports, SERVER_BEGINNINGS, CLIENT_BEGINNINGS)
    decoder = Decoder(segment_filter)
    packets = capture_bytes = 0
    with _few_collections(), open_all() as batches:
        connections = ConnectionTable(
            segment_filter,
            partial(SessionReader, ports=ports, captures=batches.names, tables=tables),
            share=share,
        )
        for batch in batches:
            connections.process(batch, *decoder.decode(batch))
            packets += len(batch)
            capture_bytes += int(batch.wire_length.sum())
            if on_progress is not None:
                on_progress(batch.position, batches.size)
        connections.close()
    return _Part(
        tables=tables.finish(),
        packets=packets,
        capture_bytes=capture_bytes,
        problems=batches.problems,
        undecoded=decoder.finish(),
        connections_given_up=connections.given_up,
    )


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage cycles rarely: sessions make many objects and few cycles."""
    before = gc.get_threshold()
    gc.set_threshold(1_000_000, 50, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
