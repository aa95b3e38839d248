"""Rules about what was not captured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import analyzer
from analyzer.findings.registry import rules
from tests.support.analyses import analysis_of
from tests.support.findings import committed, findings_of, found
from tests.support.traffic import CLIENT, SYN, PacketScript

if TYPE_CHECKING:
    from pathlib import Path

RULE = "capture-incomplete"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("smtp-capture-loss", "bytes-missing"),
        ("smtp-snaplen", "bytes-missing"),
        ("one-direction-client", "one-direction"),
        ("one-direction-server", "one-direction"),
        ("imap-midstream", "start-missing"),
    ],
)
def test_session_was_not_captured_as_a_whole(name: str, kind: str) -> None:
    (finding,) = committed(name, RULE)

    assert (finding["kind"], finding["severity"]) == (kind, "info")
    assert finding["session_count"] == 1


def test_gap_is_shown_where_it_is() -> None:
    (finding,) = committed("smtp-capture-loss", RULE)

    (evidence,) = finding["evidence"]
    assert evidence["side"] is not None
    assert evidence["offset"] > 0


def test_session_that_was_cut_short_is_told() -> None:
    tables = dict(analysis_of("smtp-two-messages").tables)
    session = tables["sessions"]["session_id"][0].as_py()
    row = dict.fromkeys(tables["anomalies"].schema.names)
    row |= {"session_id": session, "code": "cut_short", "side": "client"}
    schema = tables["anomalies"].schema
    tables["anomalies"] = pa.Table.from_pylist([row], schema=schema)
    analysis = analyzer.Analysis(tables, ["a.pcap"])

    (finding,) = findings_of(analysis, rules=[rules()[RULE]])

    assert finding["kind"] == "cut-short"


@pytest.mark.parametrize(
    "name", ["smtp-loss", "smtp-duplicates", "imap-reordered", "office"]
)
def test_what_came_again_or_out_of_order_is_complete(name: str) -> None:
    assert committed(name, RULE) == []


def test_attempt_to_connect_is_complete(tmp_path: Path) -> None:
    script = PacketScript(25, handshake=False).send(CLIENT, flags=SYN)

    assert found(tmp_path, RULE, script) == []
