from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

import analyzer
from analyzer.terminal.json_document import as_json
from tests.support.traffic import PacketScript, write_pcap

if TYPE_CHECKING:
    from pathlib import Path


def test_document_holds_figures_problems_and_tables(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", PacketScript(110).server(b"+OK hi\r\n"))
    path.write_bytes(path.read_bytes()[:-3])
    times = pd.to_datetime(["2026-09-21T14:13:20.000000001Z", "NaT"])
    rows = pd.DataFrame({"when": times, "count": pd.array([1, None], "Int64")})

    told = json.loads(as_json(analyzer.analyze(path), {"packets": 3}, {"rows": rows}))

    assert list(told) == ["captures", "packets", "sessions_in_all", "problems", "rows"]
    assert told["captures"] == [str(path)]
    assert [list(each) for each in told["problems"]] == [
        ["capture", "offset", "reason"]
    ]
    assert told["rows"] == [
        {"when": "2026-09-21T14:13:20.000000001Z", "count": 1},
        {"when": None, "count": None},
    ]
