from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analyzer.findings.facts import Facts
from analyzer.findings.grouping import Groups, group, places_in, sizes_of
from analyzer.findings.levels import Severity
from analyzer.findings.settings import Own
from tests.support.findings import RULE, sessions_of


def facts_of(*clients: str, server: str = "192.0.2.1") -> Facts:
    return Facts(sessions_of(*clients, server=server), Own())


def grouped(facts: Facts, said: Severity | None = None, **told: Any) -> Groups:
    return group(RULE, facts, facts.hits(facts.sessions.all(), **told), said)


def test_hits_of_a_client_are_next_to_each_other() -> None:
    groups = grouped(facts_of("192.0.2.7", "192.0.2.8", "192.0.2.7"))

    assert groups.order.tolist() == [0, 2, 1]
    assert groups.starts.tolist() == [0, 2]
    assert groups.subjects["client_ip"].column().to_pylist() == [
        "192.0.2.7",
        "192.0.2.8",
    ]


def test_account_that_nobody_tells_is_null() -> None:
    groups = grouped(facts_of("192.0.2.7"))

    assert groups.subjects["account"].column().to_pylist() == [None]


def test_worst_hit_comes_first_and_ranks_its_group() -> None:
    facts = facts_of(*["192.0.2.7"] * 3)
    told: dict[str, Any] = {
        "severity": pd.Series(["info", "high", None]),
        "confidence": pd.Series([None, "likely", None]),
    }

    groups = grouped(facts, **told)
    by_users = grouped(facts, Severity.INFO, **told)

    # the rule says low and proven
    assert groups.order.tolist() == [1, 2, 0]
    assert groups.ranks.tolist() == [3 * 3 + 1]
    assert by_users.order.tolist() == [0, 2, 1]
    assert by_users.ranks.tolist() == [2]


def test_crowd_is_one_whoever_is_chosen_of_it() -> None:
    facts = facts_of(*(f"10.0.0.{number}" for number in range(30)))
    hits = facts.hits(facts.sessions.all())

    groups = group(RULE, facts, hits, None, facts.among([3, 7]))

    assert groups.order.tolist() == [3, 7]
    assert groups.subjects["client_ip"].column().to_pylist() == [None]
    assert len(group(RULE, facts, hits, None, np.zeros(30, bool))) == 0


def test_group_is_ranked_by_what_chosen_sessions_show() -> None:
    facts = facts_of(*["192.0.2.7"] * 2)
    hits = facts.hits(facts.sessions.all(), severity=pd.Series(["info", "high"]))

    groups = group(RULE, facts, hits, None, facts.among([0]))

    assert groups.ranks.tolist() == [2]


def test_twenty_clients_are_no_crowd() -> None:
    few = [f"10.0.0.{number}" for number in range(20)]

    assert len(grouped(facts_of(*few))) == 20
    assert len(grouped(facts_of(*few, "10.0.1.1"))) == 1


def test_places_and_sizes_of_parts() -> None:
    starts = np.array([0, 2, 3])

    assert sizes_of(starts, 6).tolist() == [2, 1, 3]
    assert places_in(starts, 6).tolist() == [0, 1, 0, 0, 1, 2]
