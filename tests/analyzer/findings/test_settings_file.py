from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from analyzer.findings import registry
from analyzer.findings.levels import Severity
from analyzer.findings.settings import Own, RuleSettings, Settings
from analyzer.findings.settings_file import read_settings, write_defaults
from analyzer.findings.toml_file import MistakesError
from tests.support.findings import RULE

if TYPE_CHECKING:
    from pathlib import Path

RULES = {
    "some-rule": replace(
        RULE, thresholds={"failures": 10, "window_s": 600.5, "share": 0.5}
    ),
    "other-rule": replace(RULE, id="other-rule"),
}


def read(folder: Path, text: str) -> Settings:
    path = folder / "a.toml"
    path.write_text(text)
    return read_settings(path, RULES)


def test_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Settings()


def test_file_says_what_is_one_s_own(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        '[own]\nnetworks = ["192.0.2.0/24", "2001:DB8::/32"]\n'
        'domains = ["Example.COM"]\nservers = ["2001:db8:0::25"]\n',
    )

    assert settings.own == Own(
        (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")),
        frozenset({"example.com"}),
        frozenset({"2001:db8::25"}),
    )


def test_file_says_how_rules_judge(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        '[rules.some-rule]\nseverity = "high"\nfailures = 3\nwindow_s = 1.5\n'
        "[rules.other-rule]\nenabled = false\n",
    )

    assert settings.rules == {
        "some-rule": RuleSettings(
            severity=Severity.HIGH, thresholds={"failures": 3, "window_s": 1.5}
        ),
        "other-rule": RuleSettings(enabled=False),
    }


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[owns]", "1: there is no key 'owns': did you mean own?"),
        ("own = 3", "1: own is a table: write [own]"),
        ("[own]\nx = 1", "2: there is no key 'x': it is one of networks, domains"),
        ("[own]\nnetworks = 3", "2: networks is a list of texts"),
        ("[own]\nnetworks = [3]", "2: 3 is no text: write it in quotes"),
        (
            '[own]\nnetworks = [\n"192.0.2.7/24"]',
            "3: '192.0.2.7/24' is no network: did you mean 192.0.2.0/24?",
        ),
        ('[own]\nnetworks = ["mine"]', "2: 'mine' is no network: write one as 192."),
        ('[own]\ndomains = ["@a"]', "2: '@a' is no domain: write one as example.com"),
        ('[own]\nservers = ["mx"]', "2: 'mx' is no address: write one as 192.0.2.25"),
        ("[rules.some-rul]", "1: there is no rule 'some-rul': did you mean some-rule"),
        ("rules = 1", "1: rules is a table"),
        ("[rules]\nsome-rule = 1", "2: rules.some-rule is a table"),
        ('[rules.some-rule]\nenabled = "no"', "2: enabled is true or false"),
        (
            '[rules.some-rule]\nseverity = "bad"',
            "2: 'bad' is no severity: it is one of info, low, medium, high, critical",
        ),
        ("[rules.some-rule]\nseverity = []", "2: [] is no severity"),
        (
            '[rules.some-rule]\nfailures = "3"',
            "2: failures is a number, zero or more, such as 10",
        ),
        ("[rules.some-rule]\nfailures = true", "2: failures is a number"),
        ("[rules.some-rule]\nfailures = -1", "2: failures is a number"),
        ("[rules.some-rule]\nfailures = nan", "2: failures is a number"),
        (
            "[rules.some-rule]\nshare = 50",
            "2: share is a number, from 0 to 1, such as 0.5",
        ),
        (
            "[rules.some-rule]\nfailurs = 1",
            "2: there is no key 'failurs': did you mean failures?",
        ),
    ],
)
def test_mistake_is_told_with_its_line_and_what_would_be_right(
    tmp_path: Path, text: str, mistake: str
) -> None:
    with pytest.raises(MistakesError) as caught:
        read(tmp_path, text)

    (told,) = caught.value.mistakes
    assert told.startswith(f"{tmp_path}/a.toml:{mistake}")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(MistakesError) as caught:
        read(tmp_path, "[own]\na = 1\nnetworks = 2\n[rules]\nb = 3\n")

    assert len(caught.value.mistakes) == 3


def test_defaults_change_nothing_and_name_every_rule(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    rules = registry.rules() | RULES
    path.write_text(write_defaults(rules))

    settings = read_settings(path, rules)

    assert settings.own == Own()
    assert list(settings.rules) == list(rules)
    for rule_id, said in settings.rules.items():
        assert said == RuleSettings(thresholds=rules[rule_id].thresholds)
    assert max(map(len, path.read_text().splitlines())) <= 88
