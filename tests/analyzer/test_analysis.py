"""mailtap as Python programs and notebooks use it."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest

import mailtap
from analyzer.findings import registry
from analyzer.findings.registry import BUILTIN
from analyzer.tables.schema import FINDINGS, TABLES
from tests.support.analyses import CAPTURES, analysis_of, rows_of
from tests.support.hostile import with_attacks

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.findings.facts import Facts


def test_analysis_is_short_to_read() -> None:
    one = mailtap.analyze(CAPTURES["pop3-apop"])
    two = mailtap.analyze([CAPTURES["pop3-apop"], CAPTURES["office"]])

    assert re.fullmatch(
        r"<Analysis of .*/pop3-apop\.pcap: 1 session, 0 problems>", repr(one)
    )
    assert repr(two) == "<Analysis of 2 captures: 30 sessions, 0 problems>"


def test_name_of_a_capture_does_not_control_the_terminal() -> None:
    hostile = mailtap.Analysis(analysis_of("office").tables, ["\x1b[2J"])

    assert repr(hostile).startswith("<Analysis of \\x1b[2J: 29 sessions")


def test_folder_stands_for_the_captures_in_it(tmp_path: Path) -> None:
    names = ("pop3-apop", "imap-login-plain")
    for name in names:
        shutil.copy(CAPTURES[name], tmp_path)

    for captures in (tmp_path, [str(tmp_path)]):
        analysis = mailtap.analyze(captures)

        assert len(analysis.captures) == 2
        assert len(analysis.sessions) == sum(len(rows_of(name)) for name in names)


def test_each_table_is_a_data_frame_and_an_attribute() -> None:
    analysis = mailtap.analyze(CAPTURES["office"])

    for table in TABLES:
        frame = getattr(analysis, table.name)
        assert list(frame) == [column.name for column in table.columns]
        assert len(frame) == len(analysis.tables[table.name])
        assert getattr(analysis, table.name) is frame
        assert table.name in dir(analysis)
    with pytest.raises(AttributeError, match="'Analysis' has no attribute 'packages'"):
        _ = analysis.packages


def test_findings_are_a_data_frame_too() -> None:
    analysis = mailtap.analyze(CAPTURES["office"])

    assert list(analysis.findings) == FINDINGS.arrow.names
    assert analysis.findings["severity"][0] == "high"
    assert analysis.findings is analysis.findings
    assert "findings" in dir(analysis)


def test_findings_are_judged_by_a_file_of_settings(tmp_path: Path) -> None:
    analysis = analysis_of("office")
    config = tmp_path / "a.toml"
    config.write_text("[rules.plaintext-password]\nenabled = false\n")

    assert "plaintext-password" not in set(analysis.find(config=config)["rule"])
    assert "plaintext-password" in set(analysis.find()["rule"])

    config.write_text("[rules.x]\n")
    with pytest.raises(mailtap.LoadError, match=r"a\.toml:1: there is no rule 'x'"):
        analysis.find(config=str(config))


def test_rule_that_fails_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_facts: Facts) -> NoReturn:
        raise RuntimeError

    analysis = mailtap.analyze(CAPTURES["office"])
    monkeypatch.setattr(registry, "BUILTIN", (replace(BUILTIN[0], find=fail),))

    with pytest.warns(UserWarning, match=f"the rule {BUILTIN[0].id} failed"):
        assert analysis.findings.empty


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_findings_are_saved_and_made_anew(kind: str, tmp_path: Path) -> None:
    analysis = analysis_of("office")

    analysis.save(tmp_path, file_format=kind)

    path = tmp_path / f"findings.{kind}"
    assert len(path.read_bytes()) > len(analysis.findings)
    path.write_bytes(b"of somebody else")
    loaded = mailtap.load(tmp_path)
    assert list(loaded.findings["finding_id"]) == list(analysis.findings["finding_id"])


def test_notebook_shows_the_summary() -> None:
    shown = analysis_of("office")._repr_html_()

    text = html.unescape(re.sub("<[^>]*>", "", shown))
    assert text.startswith("29 mail sessions in ")
    assert "Findings" in text
    assert "Plaintext logins" in text


def test_notebook_shows_nothing_beside_the_summary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shell = type("ZMQInteractiveShell", (), {})()
    displayed: list[object] = []
    monkeypatch.setattr("builtins.get_ipython", lambda: shell, raising=False)
    monkeypatch.setattr("rich.jupyter.display", lambda *shown: displayed.append(shown))

    analysis_of("pop3-apop")._repr_html_()

    assert displayed == []


def test_notebook_is_safe_from_what_was_captured() -> None:
    shown = with_attacks(analysis_of("office"))._repr_html_()

    assert set(re.findall(r"<(/?\w+)", shown)) <= {"pre", "/pre", "span", "/span"}
    tags = re.findall("<[^>]*>", shown)
    assert all(re.fullmatch(r'<span style="[-\w:;#, ]*">', t) for t in tags[1:-1:2])
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_saved_analysis_is_loaded_as_it_was(tmp_path: Path) -> None:
    analysis = mailtap.analyze(CAPTURES["pop3-apop"])

    analysis.save(tmp_path / "parquet")
    analysis.save(str(tmp_path / "csv"), file_format="csv")

    assert mailtap.load(tmp_path / "parquet") == analysis
    assert mailtap.load(str(tmp_path / "csv")) == analysis
    assert (tmp_path / "csv" / "sessions.csv").exists()


def test_folder_of_a_monitor_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()

    with pytest.raises(mailtap.ExportError, match="a monitor writes here"):
        analysis_of("office").save(tmp_path)


@pytest.mark.parametrize("name", ["xlsx", "CSV", ".csv", ""])
def test_format_that_there_is_not_leaves_no_folder(name: str, tmp_path: Path) -> None:
    reason = f"file_format is csv, jsonl or parquet, not '{name}'"

    with pytest.raises(mailtap.ExportError, match=re.escape(reason)):
        analysis_of("office").save(tmp_path / "tables", file_format=name)

    assert not (tmp_path / "tables").exists()


def test_folder_that_can_have_no_such_name_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(mailtap.ExportError, match=r"can't be made \(embedded null"):
        analysis_of("office").save(tmp_path / "a\0b")


def test_folder_without_tables_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(mailtap.LoadError, match="no tables in this folder"):
        mailtap.load(tmp_path)


def test_dialogue_holds_what_one_session_said() -> None:
    analysis = analysis_of("office")
    session_id = analysis.sessions["session_id"][3]

    dialogue = analysis.dialogue(session_id)

    assert set(dialogue["session_id"]) == {session_id}
    assert len(dialogue) == (analysis.exchanges["session_id"] == session_id).sum()
    assert dialogue["kind"][0] == "greeting"
    with pytest.raises(LookupError, match="there is no session 'nobody'"):
        analysis.dialogue("nobody")
    assert analysis.dialogue(session_id[:6]).equals(dialogue)


def test_page_needs_no_other_file() -> None:
    page = analysis_of("office").to_html()

    assert page.startswith("<!DOCTYPE html>")
    assert "29 mail sessions" in page


def test_only_capture_that_is_missing_or_unreadable_is_an_error(tmp_path: Path) -> None:
    unreadable = tmp_path / "notes.txt"
    unreadable.write_text("no capture at all, but text\n" * 9)

    with pytest.raises(mailtap.CaptureError, match=r"missing\.pcap"):
        mailtap.analyze(tmp_path / "missing.pcap")
    with pytest.raises(mailtap.CaptureError, match=r"notes\.txt"):
        mailtap.analyze([unreadable])


def test_one_of_several_captures_that_is_missing_is_a_problem(tmp_path: Path) -> None:
    analysis = mailtap.analyze([tmp_path / "missing.pcap", CAPTURES["office"]])

    assert len(analysis.sessions) == 29
    assert [each.usable for each in analysis.problems] == [False]


def test_capture_that_is_cut_short_is_read_to_there(tmp_path: Path) -> None:
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(CAPTURES["pop3-apop"].read_bytes()[:-9])

    analysis = mailtap.analyze(cut)

    assert len(analysis.sessions) == 1
    assert [each.usable for each in analysis.problems] == [True]


def test_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailtap", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"mailtap, version {mailtap.__version__}\n"


def test_import_is_light() -> None:
    heavy = "{'pandas', 'pyarrow', 'numpy', 'rich', 'click'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import mailtap, sys; print({heavy})"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "set()\n"


def test_session_is_shown_line_by_line() -> None:
    analysis = analysis_of("pop3-user-pass")
    session_id = analysis.sessions["session_id"][0]

    shown = analysis.show(session_id[:8])

    assert "PASS ***" in shown["text"].to_list()
    assert shown["offset"].notna().sum() > len(analysis.dialogue(session_id))
    with pytest.raises(LookupError, match="there is no session"):
        analysis.show("zz")
