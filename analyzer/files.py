"""Files of the user that are read at once."""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_bytes(path: Path) -> bytes:
    """Read a file, and nothing that has no end.

    Raises:
        OSError: it can't be read.
    """
    refuse_pipes(path)
    return path.read_bytes()


def refuse_pipes(path: Path) -> None:
    """Refuse what may have no end.

    Raises:
        OSError: it is no file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file")
