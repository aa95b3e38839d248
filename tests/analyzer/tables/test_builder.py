from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import analyzer
from analyzer.tables import collection
from analyzer.tables.schema import SESSIONS
from analyzer.tables.table import COUNT, TEXT, Column, Table
from tests.support.analyses import analysis_of, rows
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def session(number: int) -> PacketScript:
    """One that begins earlier the higher its number, and ends later."""
    dialogue = PacketScript(110, client_port=40_000 + number, start_ms=1000 - number)
    dialogue.server(b"+OK %d\r\n" % number).client(b"USER %d\r\n" % number)
    return dialogue.server(b"-ERR %d\r\n" % number).wait(5 * number).close()


def test_rows_are_in_the_order_of_their_sessions(tmp_path: Path) -> None:
    dialogues = [session(number) for number in range(100)]
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", *dialogues))

    starts = list(analysis.sessions["start"])
    assert starts == sorted(starts)
    assert list(analysis.sessions["banner"]) == [str(n) for n in reversed(range(100))]
    order = list(analysis.sessions["session_id"])
    of_exchanges = list(dict.fromkeys(analysis.exchanges["session_id"]))
    assert of_exchanges == order
    assert [row["reply_text"] for row in rows(analysis, "exchanges")][:2] == [
        "99",
        "99",
    ]


def test_sessions_that_begin_together_are_in_the_order_of_their_ids(
    tmp_path: Path,
) -> None:
    dialogues = [
        PacketScript(110, client_port=port).server(b"+OK\r\n") for port in range(1, 50)
    ]
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", *dialogues))

    names = list(analysis.sessions["session_id"])

    assert names == sorted(names)


def test_table_is_collected_and_merged_as_it_declares(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions = analysis_of("office").tables["sessions"]
    identifiers = sessions["session_id"].to_pylist()
    columns = (
        Column("session_id", TEXT, "its session"),
        Column("n", COUNT, "a number"),
    )
    ordered = Table("ordered", "One thing of a session.", columns)
    merged = replace(ordered, name="merged", merge=lambda parts: parts[-1])
    monkeypatch.setattr(collection, "TABLES", (SESSIONS, ordered, merged))
    parts = []
    for number in range(2):
        collector = collection.Collector()
        things = [(each, number) for each in reversed(identifiers)]
        collector.extend({"ordered": things, "merged": things})
        parts.append(collector.finish() | {"sessions": sessions})

    found = collection.merge_tables(parts)

    rows_of_each = [(each, number) for each in identifiers for number in range(2)]
    found_rows = [tuple(row.values()) for row in found["ordered"].to_pylist()]
    assert found_rows == rows_of_each
    assert found["merged"]["n"].to_pylist() == [1] * len(identifiers)


def test_tables_of_more_than_one_block_are_whole(tmp_path: Path) -> None:
    dialogue = PacketScript(110).server(b"+OK\r\n")
    for number in range(9000):
        dialogue.client(b"LIST %d\r\n" % number).server(b"+OK %d\r\n" % number)
    analysis = analyzer.analyze(write_pcap(tmp_path / "a.pcap", dialogue, session(1)))

    arguments = [row["argument"] for row in rows(analysis, "exchanges")]

    assert len(analysis.tables["exchanges"]) == 1 + 9000 + 2
    assert arguments[1:9001] == [str(number) for number in range(9000)]


def test_pandas_is_imported_for_frames_only() -> None:
    program = (
        "import sys, pyarrow as pa\n"
        "from analyzer.tables.builder import prepare_arrow\n"
        "prepare_arrow()\n"
        "table = pa.table({'a': pa.array([1, None])})\n"
        "assert 'pandas' not in sys.modules\n"
        "frame = table.to_pandas()\n"
        "import pandas\n"
        "assert isinstance(frame, pandas.DataFrame)\n"
        "assert pa.array(pandas.Series([1.0, float('nan')])).null_count == 1\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_pyarrow_knows_pandas_again_once_it_is_imported() -> None:
    program = (
        "from analyzer.tables.builder import import_pandas, prepare_arrow\n"
        "prepare_arrow()\n"
        "import_pandas()\n"
        "import pandas as pd, pyarrow as pa\n"
        "print(pa.array(pd.Series([], dtype='int64')).type)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "int64\n"
