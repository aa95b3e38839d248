from __future__ import annotations

import pytest

from analyzer.terminal.progress import progress_bar


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.usefixtures("terminal")
def test_bar_is_drawn_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as told:
        told(5_000_000, 10_000_000)
        told(10_000_000, 10_000_000)

    output = capsys.readouterr()
    assert output.out == ""
    assert "Reading" in output.err
