"""Session tables as they were when somebody last looked at them.

`pytest --update-golden` rewrites them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyarrow import csv

from analyzer.tables import export
from tests.support.analyses import CAPTURES, analysis_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = (
    "imap-login-plain",
    "imap-starttls",
    "office",
    "pop3-user-pass",
    "smtp-attachments",
    "smtp-capture-loss",
    "smtp-submission-starttls-tls13",
)


@pytest.mark.parametrize("name", NAMES)
def test_session_table_is_as_before(
    name: str, tmp_path: Path, expect_golden: Callable[[str, str], None]
) -> None:
    path = tmp_path / "sessions.csv"
    export.write_table(analysis_of(name).tables["sessions"], path)

    # where the checkout is does not matter
    text = path.read_text(encoding="utf-8").replace(
        str(CAPTURES[name].parent) + "/", ""
    )

    assert csv.read_csv(path).num_columns == len(analysis_of(name).sessions.columns)
    expect_golden(f"{name}.csv", text)
