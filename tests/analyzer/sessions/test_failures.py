from __future__ import annotations

from analyzer.sessions.failures import Failure, failure_label


def test_every_failure_has_words_of_its_own() -> None:
    words = [failure_label(each) for each in Failure]

    assert len(set(words)) == len(Failure)


def test_words_of_a_table_that_somebody_made_control_nothing() -> None:
    assert failure_label("\x1b[31m") == r"\x1b[31m"
