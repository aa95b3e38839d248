"""The captures in a folder and in the folders below it.

A capture is known by how it begins, whatever its name is, or by a name such as
`monday.pcap.gz`: then it is read even if it is damaged, so that this is told. Hidden
files and folders are passed over, as shells do, and links to folders are not followed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from captures.errors import CaptureError
from captures.files.opening import is_known_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SUFFIXES = {".pcap", ".pcapng", ".cap"}
_COMPRESSED = {".gz", ".xz", ".zst"}


class Found(NamedTuple):
    """What is in a folder.

    Attributes:
        captures: their paths, in order of their names.
        others: how many files are no captures.
    """

    captures: list[str]
    others: int


def find_captures(
    folder: str | os.PathLike[str], leave_out: Callable[[Path], bool]
) -> Found:
    """Find the captures in a folder.

    A file that has several names is found once. A folder that can't be read is among
    the captures, of which the reader then says why it can't be read.

    Args:
        folder: its name.
        leave_out: says of which folders below it nothing is wanted.
    """
    found: list[str] = []
    others = 0
    seen: set[tuple[int, int]] = set()
    for path in _files(os.fspath(folder), leave_out, found):
        try:
            status = os.stat(path)  # noqa: PTH116, a name of any bytes
        except OSError:
            # a link to nowhere, or it is gone
            continue
        identity = (status.st_dev, status.st_ino)
        if not stat.S_ISREG(status.st_mode) or identity in seen:
            continue
        seen.add(identity)
        if _is_capture(path):
            found.append(path)
        else:
            others += 1
    return Found(found, others)


def _files(
    folder: str, leave_out: Callable[[Path], bool], unreadable: list[str]
) -> Iterator[str]:
    def note(error: OSError) -> None:
        unreadable.append(error.filename)

    for place, folders, files in os.walk(folder, onerror=note):
        folders[:] = [
            name
            for name in sorted(folders)
            if not name.startswith(".") and not leave_out(Path(place, name))
        ]
        yield from (
            os.path.join(place, name)  # noqa: PTH118, keeps "./"
            for name in sorted(files)
            if not name.startswith(".")
        )


def _is_capture(path: str) -> bool:
    suffixes = [each.lower() for each in Path(path).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    if suffixes and suffixes[-1] in _SUFFIXES:
        return True
    try:
        return is_known_format(path)
    except CaptureError:
        return False
