from __future__ import annotations

from analyzer.extraction.plan import plan_of
from tests.support.analyses import analysis_of


def test_plan_counts_messages_files_and_sessions() -> None:
    office = analysis_of("office").tables["messages"]
    size_bytes = sum(office["size_bytes"].to_pylist())

    assert plan_of(office) == (
        f"8 messages ({size_bytes:,} bytes) of 6 sessions, and 7 attachments in them"
    )
    assert plan_of(office.slice(0, 0)) == (
        "0 messages (0 bytes) of 0 sessions, and 0 attachments in them"
    )
