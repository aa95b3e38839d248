"""The folder that takes what is extracted, and nothing outside of it.

It is new, or empty, and it is opened once: every file is opened relative to it, made
anew, and no link is followed on the way, so that nobody can lead a name elsewhere. The
names are hashes, and say nothing of what senders chose. No file is executable, and
nobody else can read it.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from analyzer.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_GROWING_FILE = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """A folder that was opened.

    Attributes:
        path: its name, for people.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def make(cls, path: Path) -> Self:
        """Make a folder, or take an empty one.

        Raises:
            ExportError: it can't be made or opened, is a link, or holds something.
        """
        with _telling(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                path.mkdir(mode=_FOLDER_MODE)
            descriptor = os.open(path, _OPEN_FOLDER)
        try:
            _check_empty(path, descriptor)
        except ExportError:
            os.close(descriptor)
            raise
        return cls(path, descriptor)

    def make_subfolder(self, name: str) -> Folder:
        """Make a folder in this one.

        Raises:
            OSError: it can't be made, or was there.
        """
        os.mkdir(name, _FOLDER_MODE, dir_fd=self._descriptor)
        descriptor = os.open(name, _OPEN_FOLDER, dir_fd=self._descriptor)
        return Folder(self.path / name, descriptor)

    def write(self, name: str, data: bytes | bytearray, *, is_new: bool) -> None:
        """Write a new file, or go on with one; what can't be written whole is removed.

        Raises:
            OSError: it can't be written; or it is not new, or there is none.
        """
        flags = _NEW_FILE if is_new else _GROWING_FILE
        descriptor = os.open(name, flags, _FILE_MODE, dir_fd=self._descriptor)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
        except OSError:
            self.remove(name)
            raise
        finally:
            os.close(descriptor)

    def move(self, name: str, target: Folder, new_name: str) -> None:
        """Give a file another name, in another folder.

        Raises:
            OSError: it can't be moved, or something has that name.
        """
        if target.holds(new_name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new_name)
        os.rename(
            name,
            new_name,
            src_dir_fd=self._descriptor,
            dst_dir_fd=target._descriptor,
        )

    def remove(self, name: str) -> None:
        """Remove a file, as far as possible."""
        with suppress(OSError):
            os.unlink(name, dir_fd=self._descriptor)

    def holds(self, name: str) -> bool:
        """Return whether anything has that name, were it a link to nowhere."""
        try:
            os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)


def check_folder(path: Path) -> None:
    """Check whether a folder could be made, or is there and empty, before any work.

    Raises:
        ExportError: it could not, is a link, or holds something.
    """
    with _telling(path):
        if os.path.lexists(path):
            descriptor = os.open(path, _OPEN_FOLDER)
            try:
                _check_empty(path, descriptor)
            finally:
                os.close(descriptor)
        existing = path.absolute()
        while not os.path.lexists(existing):
            existing = existing.parent
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _check_empty(path: Path, descriptor: int) -> None:
    with os.scandir(descriptor) as entries:
        if next(entries, None) is not None:
            raise ExportError(f"{path}: not empty: name a folder that is, or a new one")


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Say which folder it was that could not be made."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and path.is_symlink():
            error.strerror = "it is a symbolic link"
        raise ExportError.of(path, error) from error
