from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from analyzer.findings.assembly import Batch, ShownBy, assemble, put_together
from analyzer.findings.facts import Facts
from analyzer.findings.grouping import group
from analyzer.findings.levels import Mender
from analyzer.findings.rule import Kind, Rule
from analyzer.findings.settings import Own
from analyzer.tables.schema import FINDINGS
from tests.support.findings import RULE, sessions_of

if TYPE_CHECKING:
    import pyarrow as pa


def batch_of(tables: dict[str, pa.Table], rule: Rule = RULE, **told: Any) -> Batch:
    facts = Facts(tables, Own())
    hits = facts.hits(facts.sessions.all(), **told)
    return assemble(rule, facts, hits, group(rule, facts, hits, None))


def rows_of(*batches: Batch) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = put_together(batches).to_pylist()
    return rows


@pytest.mark.parametrize(
    "account", ["ann", "o'neill", 'a"b', "back\\slash", "ünïcode", "a\nb", "", None]
)
def test_id_is_that_of_what_a_finding_is_about(account: str | None) -> None:
    tables = sessions_of("192.0.2.7", "192.0.2.8")
    about = (
        f"{RULE.id}\naccount={account!r}\nclient_ip='192.0.2.7'\n"
        "server_ip='192.0.2.1'\nserver_port=143"
    )

    rows = rows_of(batch_of(tables, account=pd.Series([account, "ann"])))

    (row,) = (row for row in rows if row["client_ip"] == "192.0.2.7")
    assert row["account"] == account
    assert row["finding_id"] == sha256(about.encode()).hexdigest()[:16]


def test_kinds_say_what_is_wrong_and_hits_must_tell_one() -> None:
    kinds = {name: Kind(f"of {name}", Mender.SERVER, name) for name in ("a", "b")}
    rule = replace(RULE, kinds=kinds)
    tables = sessions_of("192.0.2.7", "192.0.2.8")

    rows = rows_of(batch_of(tables, rule, kind=pd.Series(["b", "a"])))

    assert {(row["kind"], row["title"], row["remedy"]) for row in rows} == {
        ("a", "of a", "a"),
        ("b", "of b", "b"),
    }
    with pytest.raises(ValueError, match="tells no kind"):
        batch_of(tables, rule, kind=pd.Series(["b", None]))


def test_what_was_seen_is_short_and_harmless() -> None:
    seen = pd.Series(["\x1b[2Jboo\nhoo", None, "é" * 300])

    (row,) = rows_of(batch_of(sessions_of(*["192.0.2.7"] * 3), seen=seen))

    assert [each["seen"] for each in row["evidence"]] == [
        "\\x1b[2Jboo hoo",
        None,
        "é" * 200,
    ]


def test_service_is_told_if_all_sessions_have_the_same() -> None:
    tables = sessions_of("192.0.2.7", "192.0.2.7")
    sessions = tables["sessions"]
    place = sessions.schema.get_field_index("service")
    mixed = sessions.set_column(place, sessions.schema.field(place), [["imap", "pop3"]])

    assert rows_of(batch_of(tables))[0]["service"] == "imap"
    assert rows_of(batch_of({**tables, "sessions": mixed}))[0]["service"] is None


def test_findings_of_several_rules_are_ordered_as_one() -> None:
    other = replace(RULE, id="another-rule")
    many, one = sessions_of(*["192.0.2.7"] * 2), sessions_of("192.0.2.8")

    rows = rows_of(
        batch_of(one),
        batch_of(many),
        batch_of(one, other),
        batch_of(one, severity="high"),
    )

    assert [(row["rule"], row["session_count"]) for row in rows] == [
        (RULE.id, 1),
        (RULE.id, 2),
        ("another-rule", 1),
        (RULE.id, 1),
    ]
    assert rows[0]["severity"] == "high"


def test_nothing_is_a_table_without_rows() -> None:
    assert put_together([]) == FINDINGS.arrow.empty_table()
    assert not ShownBy([])


def test_sessions_are_known_by_the_id_of_their_finding() -> None:
    batches = [
        batch_of(sessions_of("192.0.2.7", "192.0.2.8", "192.0.2.7")),
        batch_of(sessions_of("192.0.2.9"), replace(RULE, id="another-rule")),
    ]
    shown_by = ShownBy(batches)
    told = {row["finding_id"]: row["client_ip"] for row in rows_of(*batches)}

    assert {
        told[finding_id]: places.tolist() for finding_id, places in shown_by.items()
    } == {"192.0.2.7": [0, 2], "192.0.2.8": [1], "192.0.2.9": [0]}
    assert len(shown_by) == 3
    with pytest.raises(KeyError):
        shown_by["unknown"]
