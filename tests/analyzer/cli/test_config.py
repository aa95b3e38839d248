from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner

from analyzer.cli import main
from tests.support.analyses import DEMO

if TYPE_CHECKING:
    from pathlib import Path


def test_file_that_is_printed_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mailtap.toml"
    printed = CliRunner().invoke(main, ["config"])
    path.write_text(printed.stdout)

    usual = CliRunner().invoke(main, ["findings", str(DEMO)])
    by_file = CliRunner().invoke(main, ["findings", str(DEMO), "--config", str(path)])

    assert (printed.exit_code, printed.stderr) == (0, "")
    assert by_file.stdout == usual.stdout
