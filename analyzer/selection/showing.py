"""The sessions that show a finding: all that its rule sees, or those of one finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from analyzer.findings import registry
from analyzer.findings.engine import search, sessions_showing
from analyzer.findings.judgement import describe_failure
from analyzer.selection.mistake import FindingChoiceError
from analyzer.text import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analyzer.findings.grouping import Places
    from analyzer.findings.settings import Settings


def sessions_of_findings(
    names: Iterable[str], tables: Mapping[str, pa.Table], settings: Settings
) -> pa.Array:
    """Return the IDs of the sessions that show any of some findings.

    Args:
        names: IDs of rules; or of findings, as much of them as tells each from others.
        tables: of an analysis, by name.
        settings: by which rules judge.

    Raises:
        FindingChoiceError: there is none, or more than one, or a rule failed.
    """
    known = registry.rules()
    ids = [pa.array([], pa.string())]
    others = []
    for name in names:
        if name not in known:
            others.append(name)
            continue
        try:
            ids.append(sessions_showing(tables, known, name, settings))
        except Exception as error:
            # whoever wrote it
            raise FindingChoiceError(describe_failure(known[name], error)) from error
    if others:
        places = np.concatenate([*_places(others, tables, settings)])
        of_all = tables["sessions"]["session_id"].combine_chunks()
        ids.append(of_all.take(pa.array(places)))
    return pa.concat_arrays(ids)


def _places(
    beginnings: Iterable[str], tables: Mapping[str, pa.Table], settings: Settings
) -> Iterator[Places]:
    rules = registry.rules().values()
    # a rule that fails has no findings
    found = search(tables, rules, settings, lambda *_: None).sessions
    for beginning in beginnings:
        meant = [finding_id for finding_id in found if finding_id.startswith(beginning)]
        if not meant:
            raise FindingChoiceError(f"there is no finding {beginning}")
        if len(meant) > 1:
            count = pluralize(len(meant), "finding")
            raise FindingChoiceError(f"{count} begin with {beginning}: {meant[0]}, ...")
        yield found[meant[0]]
