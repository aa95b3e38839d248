from __future__ import annotations

import pytest

from analyzer.selection.condition import Condition
from analyzer.selection.mistake import ConditionError
from analyzer.tables.schema import SESSIONS

NO = "there is no column"
QUOTE = ": a text stands in single quotes:"


def mistake(condition: str) -> tuple[str, str]:
    """What is wrong with a condition, and the words that are pointed at."""
    with pytest.raises(ConditionError) as caught:
        Condition(condition, SESSIONS)
    shown, carets = caught.value.pointer
    start = len(carets) - carets.count("^")
    return caught.value.reason, shown[start : len(carets)]


@pytest.mark.parametrize(
    ("condition", "reason", "word"),
    [
        ("", "something is missing at the end", ""),
        ("complete and", "something is missing at the end", ""),
        ("complete or or complete", "a column or a value is missing before this", "or"),
        ("(complete", ") is missing here", ""),
        ("complete)", "AND or OR is missing before this", ")"),
        ("complete complete", "AND or OR is missing before this", "complete"),
        ("not", "something is missing at the end", ""),
        ("service is 'x'", "NULL is missing here", "'x'"),
        ("service not 'x'", "IN, BETWEEN or LIKE is missing here", "'x'"),
        ("service = null", "write IS NULL or IS NOT NULL", "null"),
        ("service in ('x'", ") is missing here", ""),
        ("service in (imap)", "a text stands in single quotes: 'imap'", "imap"),
        ("duration_s between 1 or 2", "AND is missing here", "or"),
        ("service like x", "a text is missing here, in single quotes", "x"),
        ("service = imap", f"{NO} imap{QUOTE} 'imap'", "imap"),
        ("duraton_s > 5", f"{NO} duraton_s: did you mean duration_s?", "duraton_s"),
        ("servce = 'x'", f"{NO} servce: did you mean service or server_ip?", "servce"),
        ("mailer = 'x'", f"{NO} mailer in this table, but in messages", "mailer"),
        ("5 > (select 1)", f"{NO} select{QUOTE} 'select'", "select"),
        ("1 < duration_s < 5", "AND or OR is missing before this", "<"),
        ("start > interval 5", "a text is missing here, in single quotes", "5"),
    ],
)
def test_mistake_is_pointed_at(condition: str, reason: str, word: str) -> None:
    assert mistake(condition) == (reason, word)


ENDLESS = {
    "deep": "(" * 100_000 + "complete" + ")" * 100_000,
    "less deep": "(" * 1000 + "complete" + ")" * 1000,
    "not": "not " * 1_000_000 + "complete",
    "calls": "lower(" * 5000 + "service" + ")" * 5000 + " = 'x'",
    "minus": "-" * 50_000 + "1 = 1",
    "and": "complete and " * 5000 + "complete",
    "sum": "1 + " * 5000 + "1 > 0",
    "or": "complete = true" + " or duration_s > 5" * 700_000,
    "text": "service = '" + "x" * 10_000_000 + "'",
    "wildcards": "service like '" + "%a" * 1000 + "'",
    "places": "service like '" + "_" * 1001 + "'",
    "digits": "9" * 90_000 + " in (select",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_condition_is_refused_in_a_few_words(name: str) -> None:
    with pytest.raises(ConditionError) as caught:
        Condition(ENDLESS[name], SESSIONS)

    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "condition",
    [
        "read_text('/etc/passwd') = 'x'",
        "service = (select content from read_text('/etc/passwd'))",
        "getenv('HOME') = 'x'",
        "pg_sleep(10) is null",
        "repeat('x', 1000000000) = 'x'",
        "length(list_transform(anomalies, lambda x: x)) = 1",
        "length(list_transform(anomalies, x -> x)) = 1",
        "exists (select 1)",
        "1 = 1; copy sessions to '/tmp/x'",
        "1 = 1 -- comment",
        "1 = 1 /* comment */",
        "\"service\" = 'x'",
        "service = $1",
        "service = ?",
        "service = :name",
        "sessions.service = 'x'",
        "service::int = 1",
        "case when complete then 1 else 2 end = 1",
        "'/etc/passwd' = any(anomalies)",
        "range(1000000000) is null",
        "anomalies[1] = 'x'",
        "service similar to '(x+)+'",
        "regexp_matches(service, '(x+)+y')",
        "service = 'x' collate nocase",
        "\uff53ervice = 'x'",
        "service\N{NO-BREAK SPACE}= x",
    ],
)
def test_what_a_database_may_do_more_means_nothing(condition: str) -> None:
    assert mistake(condition)[0]


def test_deepest_condition_is_computed() -> None:
    depth = 40
    condition = "(" * depth + "not complete" + ")" * depth

    flags = Condition(condition, SESSIONS).of(SESSIONS.arrow.empty_table())

    assert flags.to_pylist() == []


def test_longest_lists_are_taken() -> None:
    addresses = ", ".join(f"'192.0.2.{n % 256}'" for n in range(5000))

    assert Condition(f"client_ip in ({addresses})", SESSIONS).columns == {"client_ip"}
