"""Which sessions are those of attackers, so that reports don't take them for users."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from pyarrow import compute

from analyzer.findings import registry
from analyzer.findings.engine import facts_for
from analyzer.findings.levels import Confidence
from analyzer.findings.settings import Settings
from dissectors.events import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    import pandas as pd

    from analyzer.tables.results import Results
    from analyzer.tables.table import Columns

_GUESSING = ("password-guessing", "password-spraying")
_GOT_IN = ("login-after-guessing",)


def attacks_among(
    analysis: Results, settings: Settings | None = None
) -> npt.NDArray[np.bool_]:
    """Tell which sessions of an analysis are those of attackers, as `attacks` does.

    If they were chosen, they are judged by what was seen in all sessions.
    """
    flags = attacks(analysis.context, settings)
    if analysis.whole is None:
        return flags
    chosen = analysis.tables["sessions"]["session_id"]
    is_chosen = compute.is_in(analysis.whole["sessions"]["session_id"], chosen)
    chosen_flags: npt.NDArray[np.bool_] = flags[is_chosen.to_numpy()]
    return chosen_flags


def attacks(
    tables: Mapping[str, Columns], settings: Settings | None = None
) -> npt.NDArray[np.bool_]:
    """Tell which sessions are those of attackers, by the rules that know guesses.

    Users may share the address of one who guesses. So their sessions are those in which
    no login was accepted, and of the others those of accounts that guesses led to.

    Args:
        tables: of an analysis, by name.
        settings: what users set.

    Returns:
        (n,) a flag for each row of `sessions`.
    """
    settings = settings or Settings()
    rules = registry.rules()
    facts = facts_for(tables, rules.values(), settings)

    def hits(rule_ids: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        for rule_id in rule_ids:
            if rule_id in rules and settings.of(rule_id).enabled:
                # `judge` tells of a rule that fails
                with suppress(Exception):
                    yield rules[rule_id].find(facts)

    clients, _ = facts.codes("client_ip")
    users, names = facts.codes("auth_user")
    pairs = clients * (len(names) + 1) + users + 1
    attack = np.zeros(len(clients), bool)
    for found in hits(_GUESSING):
        attack |= np.isin(clients, clients[found["session"]])
    attack &= facts.values("auth_failures") > 0
    attack &= facts.values("auth_result") != Outcome.SUCCESS
    for found in hits(_GOT_IN):
        # who would be cut off, but for this, may still be a user
        sure = found[found["confidence"] != Confidence.POSSIBLE]
        attack |= np.isin(pairs, pairs[sure["session"]])
    return attack
