from __future__ import annotations

from analyzer.findings.document import as_markdown
from analyzer.findings.registry import BUILTIN
from tests.support.documents import DOCS


def test_document_is_current() -> None:
    # if not: make docs
    assert (DOCS / "findings.md").read_text(encoding="utf-8") == as_markdown()


def test_document_explains_every_rule() -> None:
    text = as_markdown()

    for rule in BUILTIN:
        assert f"\n### {rule.id}\n" in text
        assert rule.proof in text
        assert rule.remedy in text


def test_document_says_what_gaps_weaken() -> None:
    count = sum(rule.rests_on_absence for rule in BUILTIN)

    assert count
    assert as_markdown().count("possible at most in sessions with gaps") == count
