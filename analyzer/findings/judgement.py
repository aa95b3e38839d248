"""All rules over the tables of an analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyarrow import compute

from analyzer.findings import registry
from analyzer.findings.engine import search
from analyzer.findings.facts import Facts
from analyzer.findings.own import Ownership
from analyzer.findings.settings import Own, Settings
from analyzer.tables.columns import whole
from analyzer.text import pluralize
from dissectors.plugins import describe_error

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pyarrow as pa

    from analyzer.findings.grouping import Places
    from analyzer.findings.rule import Rule
    from analyzer.tables.results import Results
    from analyzer.tables.table import Columns

_MAX_NAMES = 3
_WIDEST_NAME = 40


class Judgement(NamedTuple):
    """What is wrong, and what could not be told.

    Attributes:
        findings: the table `findings`.
        problems: rules that were left out or failed, in words.
        sessions: places in `sessions` of all that show a finding, by its ID.
    """

    findings: pa.Table
    problems: list[str]
    sessions: Mapping[str, Places] = {}


def judge(
    tables: Mapping[str, Columns],
    settings: Settings | None = None,
    chosen: pa.Array | None = None,
) -> Judgement:
    """Ask all rules; one that fails keeps nothing from the others.

    Args:
        tables: of an analysis, by name.
        settings: what users set.
        chosen: IDs of the sessions of which to tell; `None` for all.
    """
    problems = list(registry.problems())
    findings, sessions = search(
        tables,
        registry.rules().values(),
        settings or Settings(),
        lambda rule, error: problems.append(describe_failure(rule, error)),
        chosen,
    )
    return Judgement(findings, problems, sessions)


def judge_analysis(analysis: Results, settings: Settings | None = None) -> Judgement:
    """Ask all rules what is wrong in an analysis.

    If sessions were chosen, rules look at all as before, but what they see in those
    chosen is told: a choice proves nothing that all sessions would not.
    """
    if analysis.whole is None:
        return judge(analysis.tables, settings)
    chosen = whole(analysis.tables["sessions"]["session_id"])
    told = judge(analysis.whole, settings, chosen)
    found = compute.index_in(analysis.whole["sessions"]["session_id"], chosen)
    places = found.fill_null(-1).to_numpy()
    sessions = {name: places[shown] for name, shown in told.sessions.items()}
    return told._replace(sessions=sessions)


def inferred_own(
    tables: Mapping[str, Columns], settings: Settings | None = None
) -> str | None:
    """Say what is taken for one's own, where users said nothing.

    Returns:
        Words, or `None` if users said what is theirs.
    """
    own = (settings or Settings()).own
    if own != Own():
        return None
    known = Ownership(Facts(tables, own))
    parts = [
        "private addresses",
        *_count("server", known.login_servers),
        *_count("domain", known.domains),
    ]
    return f"One's own is not named (--config), and taken to be {', '.join(parts)}"


def _count(what: str, names: Collection[str]) -> list[str]:
    if not names:
        return []
    shown = [_shorten(name) for name in sorted(names)[:_MAX_NAMES]]
    more = ["..."] * (len(names) > _MAX_NAMES)
    return [f"{pluralize(len(names), what)} ({', '.join(shown + more)})"]


def _shorten(name: str) -> str:
    return name if len(name) <= _WIDEST_NAME else f"{name[:_WIDEST_NAME]}..."


def describe_failure(rule: Rule, error: Exception) -> str:
    """Say that a rule failed, and whose it is."""
    package = registry.package_of(rule.id)
    of_package = f" of {package}" if package else ""
    reason = describe_error(error)
    return f"the rule {rule.id}{of_package} failed, and tells nothing ({reason})"
