"""From what rules see to findings: one for each thing to mend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from analyzer.errors import LoadError
from analyzer.findings.assembly import ShownBy, assemble, put_together
from analyzer.findings.facts import Facts
from analyzer.findings.grouping import group
from analyzer.tables.builder import import_pandas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from analyzer.findings.grouping import Places
    from analyzer.findings.rule import Rule
    from analyzer.findings.settings import Settings
    from analyzer.tables.table import Columns


OnFailure = Callable[["Rule", Exception], None]


class Found(NamedTuple):
    """What is wrong, and where.

    Attributes:
        findings: the table `findings`: the worst first, then those with the most
            sessions.
        sessions: places in `sessions` of all that show a finding, by its ID.
    """

    findings: pa.Table
    sessions: Mapping[str, Places]


def _raise(_rule: Rule, error: Exception) -> None:
    raise error


def find(
    tables: Mapping[str, Columns],
    rules: Iterable[Rule],
    settings: Settings,
    on_failure: OnFailure = _raise,
) -> pa.Table:
    """Find what is wrong.

    Args:
        tables: of an analysis, by name.
        rules: what may be wrong.
        settings: what users set.
        on_failure: is told of a rule that failed, in place of what it would find.

    Returns:
        The table `findings`: the worst first, then those with the most sessions.

    Raises:
        LoadError: a column can't be read.
    """
    return search(tables, rules, settings, on_failure).findings


def search(
    tables: Mapping[str, Columns],
    rules: Iterable[Rule],
    settings: Settings,
    on_failure: OnFailure = _raise,
    chosen: pa.Array | None = None,
) -> Found:
    """Find what is wrong, and all sessions that show it.

    Args:
        tables: as for `find`, like what comes next.
        rules: what may be wrong.
        settings: what users set.
        on_failure: is told of a rule that failed.
        chosen: IDs of the sessions of which to tell what rules see in all; `None` for
            all.
    """
    known = tuple(rules)
    # rules hand Series to pyarrow
    import_pandas()
    asked = [rule for rule in known if settings.of(rule.id).enabled]
    facts = facts_for(tables, known, settings)
    is_chosen = None if chosen is None else facts.are_named(chosen)
    batches = []
    for rule in asked:
        try:
            hits = rule.find(facts)
            if len(hits):
                severity = settings.of(rule.id).severity
                groups = group(rule, facts, hits, severity, is_chosen)
                if len(groups):
                    batches.append(assemble(rule, facts, hits, groups))
        except LoadError:
            # no rule's fault
            raise
        except Exception as error:  # noqa: BLE001, whoever wrote it
            on_failure(rule, error)
        facts.forget_columns()
    shown_by = ShownBy(batches)
    # what rules shared is large, and so is the table
    facts.forget()
    del facts
    return Found(put_together(batches), shown_by)


def sessions_showing(
    tables: Mapping[str, Columns],
    rules: Mapping[str, Rule],
    rule_id: str,
    settings: Settings,
) -> pa.Array:
    """Return the IDs of all sessions in which a rule sees something.

    Args:
        tables: of an analysis, by name.
        rules: all of them, by ID.
        rule_id: which one is asked.
        settings: what users set.
    """
    import_pandas()
    facts = facts_for(tables, rules.values(), settings)
    places = rules[rule_id].find(facts)["session"].to_numpy(dtype=np.int64)
    return facts.session_ids.take(pa.array(np.unique(places)))


def facts_for(
    tables: Mapping[str, Columns], rules: Iterable[Rule], settings: Settings
) -> Facts:
    """Return what rules look at.

    Args:
        tables: of an analysis, by name.
        rules: all of them: those that are asked may build on what others look for.
        settings: what users set.
    """
    thresholds = {rule.id: rule.thresholds_in(settings) for rule in rules}
    return Facts(tables, settings.own, thresholds)
