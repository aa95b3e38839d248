"""Dropping root privileges, once what needs them is done."""

from __future__ import annotations

import ctypes
import os
import pwd
from itertools import count
from typing import NamedTuple

# linux/prctl.h, linux/capability.h
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class PrivilegeError(Exception):
    """Root privileges can't be dropped; the text says why, and what to do."""


class User(NamedTuple):
    """The user that a process switches to."""

    name: str
    uid: int
    gid: int


def find_user(name: str | None = None) -> User | None:
    """Return the user to switch to: who is named, or used sudo, or else nobody.

    Returns:
        `None` if this process isn't root, and stays what it is.

    Raises:
        PrivilegeError: there is no such user, or it is root again.
    """
    if os.geteuid() != 0:
        return None
    try:
        user = _user_named(name) if name else _sudo_user() or _user_named("nobody")
    except (KeyError, ValueError) as error:
        raise PrivilegeError(
            f"there is no user {name or 'nobody'}: name one to become (--run-as)"
        ) from error
    if 0 in (user.uid, user.gid):
        raise PrivilegeError(f"{user.name} has root's rights: name another user")
    return user


def drop_privileges(name: str | None = None) -> str | None:
    """Switch to another user for good, if this process is root.

    Whoever runs this process, it keeps no capabilities, and no program that it starts
    gets any, not even one of root's (capabilities(7), `no_new_privs` in prctl(2)).

    Args:
        name: of the user; see `find_user` for the default.

    Returns:
        The user's name; `None` if there was nothing to give up.

    Raises:
        PrivilegeError: this process would keep root privileges.
    """
    user = find_user(name)
    _empty_bounding_set()
    try:
        if user is not None:
            os.setgroups([])
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
        _give_up_capabilities()
    except OSError as error:
        become = user.name if user else "a process without rights"
        raise PrivilegeError(
            f"mailtap can't become {become} ({error.strerror}): start it with the "
            "right to (CAP_SETUID, CAP_SETGID), or not as root"
        ) from error
    if user is not None and _can_regain_root():
        raise PrivilegeError(f"the rights of {user.name} are as good as root's")
    return user.name if user else None


def _user_named(name: str) -> User:
    entry = pwd.getpwnam(name)
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _sudo_user() -> User | None:
    """Return the user who called sudo(8), unless that was root."""
    try:
        entry = pwd.getpwuid(int(os.environ["SUDO_UID"]))
        gid = int(os.environ["SUDO_GID"])
    except (KeyError, ValueError, OverflowError):
        return None
    return User(entry.pw_name, entry.pw_uid, gid) if entry.pw_uid and gid else None


def _empty_bounding_set() -> None:
    """Limit what other programs can gain, as far as this process may."""
    for capability in count():
        # it fails behind the last one, and without CAP_SETPCAP
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            return


def _give_up_capabilities() -> None:
    # 32 bits each of the effective, permitted and inheritable ones, twice
    nothing = (ctypes.c_uint32 * 6)()
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    for result in (
        _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
        _libc.capset(header, nothing),
        _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
    ):
        if result:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _can_regain_root() -> bool:
    try:
        os.setresuid(0, 0, 0)
    except OSError:
        return False
    return True
