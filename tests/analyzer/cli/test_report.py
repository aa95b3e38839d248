from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from click.testing import _NamedTextIOWrapper

from analyzer.html import pictures
from analyzer.tables import workbook
from tests.support.analyses import DEMO
from tests.support.commands import run
from tests.support.workbooks import Sheets

if TYPE_CHECKING:
    from pathlib import Path


def timeless(page: str) -> str:
    """A page without the time at which it was made."""
    return re.sub(r"<li>mailtap .*</li>", "", page).rstrip()


def test_page_is_the_same_however_it_is_asked_for(tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("a.html", "b.html", "c.html")]

    results = [
        run("report", DEMO, "-o", pages[0]),
        run("analyze", DEMO, "-q", "--html", pages[1], "-o", f"{tmp_path}/tables/"),
        run("report", tmp_path / "tables", "-o", pages[2]),
    ]

    assert [(each.exit_code, each.output) for each in results] == [(0, "")] * 3
    assert len({timeless(page.read_text()) for page in pages}) == 1


def test_page_says_what_was_asked_for_without_folders(tmp_path: Path) -> None:
    config = tmp_path / "mailtap.toml"
    config.write_text("")

    done = run("report", DEMO, "-o", tmp_path / "a.html", "--config", config, "-q")

    assert done.exit_code == 0
    page = (tmp_path / "a.html").read_text()
    assert "<li>--config mailtap.toml</li>" in page
    assert str(tmp_path) not in page
    assert str(DEMO.parent) not in page


@pytest.mark.parametrize("command", ["report", "analyze"])
def test_page_is_judged_by_what_users_set_and_accept(
    command: str, tmp_path: Path
) -> None:
    config, accept = tmp_path / "mailtap.toml", tmp_path / "accept.toml"
    config.write_text("[rules.password-guessing]\nenabled = false\n", "utf-8")
    listed = json.loads(run("findings", DEMO, "--json").stdout)["findings"]
    known = next(each for each in listed if each["rule"] == "plaintext-password")
    accept.write_text(
        f'[[accept]]\nid = "{known["finding_id"]}"\nreason = "known"\n', "utf-8"
    )
    option = "--html" if command == "analyze" else "-o"
    judged_by: list[str | Path] = [
        "--config",
        config,
        "--accept",
        accept,
        "--fail-on",
        "critical",
    ]

    result = run(command, "-q", DEMO, option, tmp_path / "a.html", *judged_by)

    assert result.exit_code == 0
    text = (tmp_path / "a.html").read_text("utf-8")
    assert "without 1 accepted finding" in text
    assert "Passwords are guessed" not in text
    assert "guessing passwords" not in text


@pytest.mark.parametrize("command", ["report", "analyze"])
def test_page_that_can_not_be_written_is_said(command: str, tmp_path: Path) -> None:
    page = tmp_path / "nowhere" / "a.html"
    option = {"report": "-o", "analyze": "--html"}[command]

    result = run(command, "-q", DEMO, option, page)

    assert result.exit_code == 1
    assert result.stderr == (
        f"mailtap: {page}: can't be written (No such file or directory)\n"
    )


def test_page_of_a_capture_that_can_not_be_read_says_so(tmp_path: Path) -> None:
    result = run("report", tmp_path / "no.pcap", "-o", tmp_path / "a.html")

    assert result.exit_code == 1
    assert "there is no such file" in result.stderr
    assert "no.pcap" in (tmp_path / "a.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [["a.pcap"], ["-o", "a.html"], ["-o", "a.pdf", DEMO]]
)
def test_wrong_use_ends_with_status_2(arguments: list[str]) -> None:
    assert run("report", *arguments).exit_code == 2


def test_spreadsheet_is_written_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"

    result = run("report", DEMO, "-o", path, "--service", "pop3")

    assert (result.exit_code, result.output) == (0, "")
    sheets = Sheets(path)
    assert sheets.names[:2] == ["about", "findings"]
    assert len(sheets.rows("sessions")) == 1 + 5


def test_what_a_spreadsheet_takes_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "find_spec", lambda _: None)

    result = run("report", "no-such.pcap", "-o", tmp_path / "a.xlsx")

    assert result.exit_code == 1
    assert result.stderr == (
        "mailtap: a spreadsheet takes XlsxWriter: pip install 'mailtap[spreadsheet]'\n"
    )


def test_page_is_printed_if_standard_output_is_asked_for(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    run("report", DEMO, "-o", page)

    for printed in (run("report", DEMO, "-o", "-"), run("analyze", DEMO, "--html=-")):
        assert (printed.exit_code, printed.stderr) == (0, "")
        assert timeless(printed.stdout) == timeless(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("table_format", ["jsonl", "csv", "parquet"])
def test_table_is_printed_alone_if_standard_output_is_asked_for(
    table_format: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{table_format}"
    run("analyze", "-q", DEMO, "-o", path)

    printed = run("analyze", DEMO, "-o", "-", "--format", table_format)

    assert (printed.exit_code, printed.stderr) == (0, "")
    assert printed.stdout_bytes == path.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "-", "--json"], "--json and - are both for standard output"),
        (["-o", "-", "--html", "-"], "-: the tables go there: name another file"),
    ],
)
def test_standard_output_has_room_for_one(arguments: list[str], said: str) -> None:
    result = run("analyze", DEMO, *arguments)

    assert result.exit_code in (1, 2)
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "command",
    [["cut", DEMO, "-w", "-"], ["analyze", DEMO, "-o", "-", "--format", "parquet"]],
)
def test_terminal_is_given_nothing_but_text(
    command: list[str | Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda _: True)

    result = run(*command)

    assert (result.exit_code, result.stdout) == (2, "")
    assert "writes to a terminal: name a file, or use a pipe" in result.stderr


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_what_pictures_take_is_told_before_anything_is_read(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda _: None)

    result = run("report", "no-such.pcap", f"--{kind}", tmp_path / "charts")

    assert result.exit_code == 1
    assert "pictures take Kaleido, and Chromium or Chrome" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_report_is_written_nowhere() -> None:
    result = run("report", DEMO)

    assert result.exit_code == 2
    assert "Name a FILE for --output, or a DIR for --png or --svg." in result.stderr


def test_pictures_are_written_beside_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr(pictures, "_draw", told.extend)
    folder = tmp_path / "charts"

    result = run("report", DEMO, "-o", tmp_path / "a.html", "--svg", folder)

    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "a.html").exists()
    assert folder.is_dir()
    assert len(told) > 3
    assert str(folder) not in (tmp_path / "a.html").read_text(encoding="utf-8")
