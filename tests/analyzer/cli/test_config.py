from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.analyses import DEMO
from tests.support.commands import run

if TYPE_CHECKING:
    from pathlib import Path


def test_file_that_is_printed_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mailtap.toml"
    printed = run("config")
    path.write_text(printed.stdout)

    usual = run("findings", str(DEMO))
    by_file = run("findings", str(DEMO), "--config", str(path))

    assert (printed.exit_code, printed.stderr) == (0, "")
    assert by_file.stdout == usual.stdout
