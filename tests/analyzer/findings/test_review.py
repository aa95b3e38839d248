from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.findings.review import (
    COLUMNS,
    count_standings,
    counting_findings,
    review,
    standing_findings,
)
from tests.support.finding_rows import table_of

if TYPE_CHECKING:
    import pyarrow as pa


def ids(table: pa.Table) -> list[str]:
    found: list[str] = table["finding_id"].to_pylist()
    return found


NOW = table_of({"finding_id": "a"}, {"finding_id": "b"})
BEFORE = table_of({"finding_id": "b"}, {"finding_id": "c"})


def test_without_a_baseline_all_findings_count() -> None:
    reviewed = review(NOW)

    assert reviewed.schema.equals(COLUMNS)
    assert reviewed["standing"].to_pylist() == [None, None]
    assert count_standings(reviewed) is None
    assert ids(counting_findings(reviewed)) == ["a", "b"]


def test_findings_are_new_unchanged_or_gone() -> None:
    reviewed = review(NOW, BEFORE)

    assert ids(reviewed) == ["a", "b", "c"]
    assert reviewed["standing"].to_pylist() == ["new", "unchanged", "gone"]
    assert count_standings(reviewed) == {"new": 1, "unchanged": 1, "gone": 1}
    assert ids(standing_findings(reviewed)) == ["a", "b"]
    assert ids(counting_findings(reviewed)) == ["a"]


def test_everything_is_new_after_a_run_without_findings() -> None:
    reviewed = review(NOW, table_of())

    assert ids(counting_findings(reviewed)) == ["a", "b"]


def test_accepted_finding_stands_apart_with_its_reason() -> None:
    reviewed = review(NOW, BEFORE, {"a": "an old printer"})

    assert reviewed["accepted"].to_pylist() == ["an old printer", None, None]
    assert ids(standing_findings(reviewed)) == ["b"]
    assert ids(counting_findings(reviewed)) == []
