"""Giving up root's rights, once what needs them is done."""

from __future__ import annotations

import os
import pwd
from typing import NamedTuple


class PrivilegeError(Exception):
    """Root's rights can't be given up; its text says why, and what to do."""


class User(NamedTuple):
    """Who a process is to become."""

    name: str
    uid: int
    gid: int


def find_user(name: str | None = None) -> User | None:
    """Whom to become: who is named, or used sudo, or else nobody.

    Returns:
        `None` if this process isn't root's, and stays what it is.

    Raises:
        PrivilegeError: there is no such user, or it is root again.
    """
    if os.geteuid() != 0:
        return None
    try:
        user = _named(name) if name else _behind_sudo() or _named("nobody")
    except (KeyError, ValueError) as error:
        raise PrivilegeError(
            f"there is no user {name or 'nobody'}: name one to become (--user)"
        ) from error
    if 0 in (user.uid, user.gid):
        raise PrivilegeError(f"{user.name} has root's rights: name another user")
    return user


def drop_privileges(name: str | None = None) -> str | None:
    """Become another user for good, if this process is root's.

    Args:
        name: whom to become; see `find_user` for who that is otherwise.

    Returns:
        The user's name; `None` if there was nothing to give up.

    Raises:
        PrivilegeError: this process would keep root's rights.
    """
    user = find_user(name)
    if user is None:
        return None
    try:
        os.setgroups([])
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
    except OSError as error:
        raise PrivilegeError(
            f"mailtap can't become {user.name} ({error.strerror}): start it with the "
            "right to (CAP_SETUID, CAP_SETGID), or not as root"
        ) from error
    if _is_root_within_reach():
        raise PrivilegeError(f"the rights of {user.name} are as good as root's")
    return user.name


def _named(name: str) -> User:
    entry = pwd.getpwnam(name)
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _behind_sudo() -> User | None:
    """The user who called sudo(8); root may have done so too."""
    try:
        entry = pwd.getpwuid(int(os.environ["SUDO_UID"]))
        gid = int(os.environ["SUDO_GID"])
    except (KeyError, ValueError, OverflowError):
        return None
    return User(entry.pw_name, entry.pw_uid, gid) if entry.pw_uid and gid else None


def _is_root_within_reach() -> bool:
    try:
        os.setresuid(0, 0, 0)
    except OSError:
        return False
    return True
