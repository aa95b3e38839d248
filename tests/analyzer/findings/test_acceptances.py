from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from analyzer.findings.acceptances import Acceptance, accept_on, read_acceptances
from analyzer.findings.toml_file import MistakesError

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.date(2027, 1, 31)
ENTRY = '[[accept]]\nid = "a"\nreason = "old"\n'


def read(folder: Path, text: str) -> dict[str, Acceptance]:
    path = folder / "a.toml"
    path.write_text(text)
    return read_acceptances(path)


def test_file_says_why_and_until_when(tmp_path: Path) -> None:
    text = ENTRY + 'until = 2027-01-31\n[[accept]]\nid = "b"\nreason = "else"\n'

    assert read(tmp_path, text) == {
        "a": Acceptance("old", DAY),
        "b": Acceptance("else", None),
    }
    assert read(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[[acept]]", "1: there is no key 'acept': write [[accept]]"),
        ("accept = 1", "1: accept is a list of tables: write [[accept]]"),
        ("accept = [1]", "1: accept is a list of tables"),
        ('[[accept]]\nreason = "x"', "1: id is that of a finding, in quotes"),
        ('[[accept]]\nid = 3\nreason = "x"', "2: id is that of a finding, in quotes"),
        ('[[accept]]\nid = "a"', "1: reason says, in quotes, why it is accepted"),
        ('[[accept]]\nid = "a"\nreason = " "', "3: reason says, in quotes"),
        (ENTRY + "why = 1", "4: there is no key 'why'"),
        (ENTRY + "untl = 1", "4: there is no key 'untl': did you mean until?"),
        (ENTRY + 'until = "2027"', "4: until is a day without quotes, such as 2027-"),
        (ENTRY + "until = 2027-01-31T00:00:00", "4: until is a day without quotes"),
        (ENTRY + ENTRY, "5: the finding 'a' is accepted above"),
    ],
)
def test_mistake_is_told_with_its_line(tmp_path: Path, text: str, mistake: str) -> None:
    with pytest.raises(MistakesError) as caught:
        read(tmp_path, text)

    (told,) = caught.value.mistakes
    assert told.startswith(f"{tmp_path}/a.toml:{mistake}")


def test_finding_is_accepted_to_the_end_of_its_last_day() -> None:
    until = {"a": Acceptance("old", DAY)}

    assert accept_on(DAY, until, ["a"]) == ({"a": "old (until 2027-01-31)"}, [])
    assert accept_on(DAY + dt.timedelta(days=1), until, ["a"]) == (
        {},
        ["the finding a was accepted until 2027-01-31: it counts again"],
    )


def test_finding_without_a_last_day_is_accepted_for_ever() -> None:
    accepted = accept_on(DAY, {"a": Acceptance("old", None)}, ["a"])

    assert accepted == ({"a": "old"}, [])


def test_acceptance_of_what_was_not_found_is_told() -> None:
    accepted = accept_on(DAY, {"a": Acceptance("old", None)}, ["b"])

    assert accepted == ({}, ["the finding a, accepted, was not found"])
