"""Folders that root makes for the user that it switches to.

Whoever may rename a part of the path to a folder could make root create or give away
another one, by a symbolic link for example. So root makes folders only where nobody
else may, and by descriptors that follow no link. Everywhere else the user makes the
folder, once root privileges are dropped.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from captures.live.privileges import User

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def make_folder_for(user: User, folder: Path) -> None:
    """Make a folder, if only root may, and give it to a user.

    A folder that exists stays as it is.

    Raises:
        OSError: it can't be made.
    """
    with ExitStack() as stack:
        here = _open(stack, "/" if folder.is_absolute() else ".")
        is_new = False
        for name in folder.relative_to(folder.anchor).parts:
            if not _only_root_may_replace(here):
                return
            try:
                here = _open(stack, name, here)
            except FileNotFoundError:
                # if somebody was quicker, this fails
                os.mkdir(name, dir_fd=here)
                here, is_new = _open(stack, name, here), True
            except NotADirectoryError:
                # a link, or a file
                return
        if is_new:
            os.fchown(here, user.uid, user.gid)


def _open(stack: ExitStack, name: str, folder: int | None = None) -> int:
    descriptor = os.open(name, _FOLDER, dir_fd=folder)
    stack.callback(os.close, descriptor)
    return descriptor


def _only_root_may_replace(folder: int) -> bool:
    """Return whether nobody but root may replace what is in a folder."""
    status = os.fstat(folder)
    is_safe = status.st_mode & stat.S_ISVTX or not status.st_mode & _WRITABLE_BY_OTHERS
    return status.st_uid == 0 and bool(is_safe)
