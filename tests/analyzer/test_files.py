from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from analyzer.files import read_bytes

if TYPE_CHECKING:
    from pathlib import Path


def test_file_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\0\r\n")

    assert read_bytes(path) == b"\0\r\n"


def test_what_may_have_no_end_is_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(OSError, match="it is no file"):
        read_bytes(pipe)
