"""Findings beside what is known already: an earlier run, and what was accepted."""

from __future__ import annotations

import enum
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import compute

from analyzer.tables.schema import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = pa.schema(
    [*FINDINGS.arrow, ("standing", pa.string()), ("accepted", pa.string())]
)
"""Those of `findings`; how each stands to the baseline; and why it was accepted."""


class Standing(enum.StrEnum):
    """How a finding stands to those of an earlier run."""

    NEW = "new"
    UNCHANGED = "unchanged"
    GONE = "gone"


def review(
    findings: pa.Table,
    baseline: pa.Table | None = None,
    accepted: Mapping[str, str] | None = None,
) -> pa.Table:
    """Say of findings what is known already.

    Args:
        findings: of this run.
        baseline: those of an earlier one, if they are to be compared.
        accepted: why some are accepted, by `finding_id`.

    Returns:
        A table with `COLUMNS`; those of the earlier run that are gone come last.
    """
    told = _add(findings, None)
    if baseline is not None:
        now, before = findings["finding_id"], baseline["finding_id"]
        is_known = compute.is_in(now, before)
        names = [Standing.NEW.value, Standing.UNCHANGED.value]
        told = _add(findings, compute.choose(is_known.cast(pa.int64()), *names))
        gone = baseline.filter(compute.invert(compute.is_in(before, now)))
        told = pa.concat_tables([told, _add(gone, Standing.GONE.value)])
    reasons = accepted or {}
    why = [reasons.get(each) for each in told["finding_id"].to_pylist()]
    place = COLUMNS.get_field_index("accepted")
    return told.set_column(place, COLUMNS.field(place), pa.array(why, pa.string()))


def standing_findings(reviewed: pa.Table) -> pa.Table:
    """Return those that are there, and not accepted."""
    is_gone = compute.equal(reviewed["standing"], Standing.GONE.value)
    is_there = compute.invert(compute.fill_null(is_gone, fill_value=False))
    return reviewed.filter(
        compute.and_(is_there, compute.is_null(reviewed["accepted"]))
    )


def counting_findings(reviewed: pa.Table) -> pa.Table:
    """Return those that are new, or all if there is no baseline, and not accepted."""
    there = standing_findings(reviewed)
    is_new = compute.equal(there["standing"], Standing.NEW.value)
    return there.filter(compute.fill_null(is_new, fill_value=True))


def count_standings(reviewed: pa.Table) -> dict[str, int] | None:
    """Count findings by how they stand to the baseline; `None` without one."""
    counts = Counter(reviewed["standing"].to_pylist())
    if None in counts or not counts:
        return None
    return {each.value: counts[each.value] for each in Standing}


def _add(findings: pa.Table, standing: pa.ChunkedArray | str | None) -> pa.Table:
    count = len(findings)
    if standing is None or isinstance(standing, str):
        standing = pa.array([standing] * count, pa.string())
    nothing = pa.nulls(count, pa.string())
    columns = [*findings.columns, standing, nothing]
    return pa.Table.from_arrays(columns, schema=COLUMNS)
