from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.analyses import CAPTURES
from tests.support.commands import run

if TYPE_CHECKING:
    from pathlib import Path

POP3 = str(CAPTURES["pop3-apop"])


@pytest.fixture
def defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of defaults of a user who has none yet."""
    monkeypatch.delenv("MAILTAP_CONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    path = tmp_path / "settings" / "mailtap" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def test_option_is_taken_from_the_file_by_every_command_that_has_it(
    defaults: Path,
) -> None:
    defaults.write_text("json = true\nquiet = false\n")

    for command in ("analyze", "findings", "protocols", "sessions", "plaintext"):
        assert run(command, POP3).stdout.startswith("{"), command
    assert run("rules").stdout.startswith(("{", "["))


def test_table_is_for_one_command_and_beats_what_is_for_all(defaults: Path) -> None:
    defaults.write_text(
        'json = true\n[analyze]\njson = false\n[report]\noutput = "x"\n'
    )

    assert run("analyze", POP3).stdout.startswith("1 mail session ")
    assert json.loads(run("protocols", POP3).stdout)


def test_what_is_typed_wins(defaults: Path) -> None:
    defaults.write_text('[findings]\njson = true\nrule = ["cert-expired"]\n')

    csv = run("findings", POP3, "--csv", "--rule", "plaintext-password")

    assert csv.stdout.startswith('"finding_id",')
    assert json.loads(run("findings", POP3).stdout)["findings"] == []


def test_what_is_typed_wins_over_what_is_not_compatible_with_it(
    defaults: Path, tmp_path: Path
) -> None:
    defaults.write_text("json = true\n")

    assert run("plaintext", POP3, "--csv").stdout.startswith('"server_ip",')
    assert run("analyze", POP3, "-o", "-").stdout.startswith('{"session_id"')
    assert run("sessions", POP3, "-o", str(tmp_path / "a.csv")).exit_code == 0
    # but who types both is asked
    assert run("analyze", POP3, "-o", "-", "--json").exit_code == 2


def test_table_takes_back_one_of_several_options_that_exclude_each_other(
    defaults: Path,
) -> None:
    defaults.write_text("json = true\n[sessions]\njson = false\n")

    assert run("sessions", POP3).stdout.startswith("1 session")
    assert run("messages", POP3).stdout.startswith("{")


def test_option_that_may_be_given_several_times_has_a_list(defaults: Path) -> None:
    defaults.write_text('port = ["8110=pop3", "8111=pop3"]\n')
    assert run("analyze", POP3).exit_code == 0

    defaults.write_text('port = "110=imap"\n')
    assert run("analyze", "--json", POP3).exit_code == 0


def test_choice_is_for_the_commands_that_know_it(defaults: Path) -> None:
    defaults.write_text('engine = "native"\n')

    assert run("analyze", POP3).exit_code == 0
    monitor = run("monitor", "-i", "no-such-interface")
    assert "no-such-interface: there is no such interface" in monitor.stderr


def test_tilde_is_the_home_folder(defaults: Path, tmp_path: Path) -> None:
    defaults.write_text('[analyze]\nkeylog = "~/keys"\n')

    assert f"{tmp_path}/keys: can't be read" in run("analyze", POP3).stderr


def test_mistakes_are_told_with_their_lines(defaults: Path) -> None:
    defaults.write_text(
        'jsno = true\nport = 25\nlimit = [1, 2]\nquiet = "yes"\nconfig = 1979-05-27\n'
        '[analize]\nquiet = true\n\n[analyze]\nkeylogs = "x"\n'
    )

    result = run("analyze", POP3)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"mailtap: {defaults}:{line}"
        for line in (
            "1: no command has an option --jsno: did you mean json?",
            "3: this is one value, not a list",
            "4: this is true or false",
            "5: this is a text or a number",
            "6: there is no command 'analize': did you mean analyze?",
            "10: analyze has no option --keylogs: did you mean keylog?",
        )
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('port = "25=http"', "write PORT=PROTOCOL"),
        ('engine = "tsark"', "'tsark' is not one of"),
        ('fail-on = "bad"', "'bad' is not one of"),
    ],
)
def test_value_that_an_option_refuses_is_told_with_its_line(
    line: str, words: str, defaults: Path
) -> None:
    defaults.write_text(f"quiet = true\n{line}\n")

    result = run("analyze", POP3)

    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.endswith(f"\nThat is set in {defaults}:2.\n")
    # of what is typed, nothing is said
    assert "That is set" not in run("analyze", POP3, "--format", "xml").stderr


def test_file_that_is_no_toml_is_said(defaults: Path) -> None:
    defaults.write_text("quiet = \n")

    result = run("analyze", POP3)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"mailtap: {defaults}:1: ")


def test_environment_names_another_file_or_none(
    defaults: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults.write_text("nonsense = 1\n")
    monkeypatch.setenv("MAILTAP_CONFIG", "")
    assert run("analyze", POP3).stderr == ""

    other = tmp_path / "other.toml"
    monkeypatch.setenv("MAILTAP_CONFIG", str(other))
    missing = run("analyze", POP3)
    assert missing.exit_code == 1
    assert missing.stderr == f"mailtap: {other}: there is no such file\n"

    other.write_text("[analyze]\njson = true\n")
    assert run("analyze", POP3).stdout.startswith("{")


def test_version_and_list_of_commands_need_no_valid_file(defaults: Path) -> None:
    defaults.write_text("nonsense = 1\n")

    assert run("--version").exit_code == run("--help").exit_code == 0


def test_help_shows_the_default_that_is_set(defaults: Path) -> None:
    defaults.write_text('format = "parquet"\n')

    words = run("analyze", "--help").stdout.split()

    assert "[default: parquet]" in " ".join(words)


def test_relative_folder_of_settings_is_ignored(
    defaults: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults.write_text("nonsense = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", "settings")

    assert run("analyze", POP3).exit_code == 0
