from __future__ import annotations

import os
import pwd
import subprocess
import sys

import pytest

from captures.privileges import PrivilegeError, User, drop_privileges, find_user
from tests.support.namespaces import ROOT, as_real_root

# what a process may still do; becoming root must fail
PROGRAM = """
import os, sys
from pathlib import Path
from captures import drop_privileges
name = drop_privileges(*sys.argv[1:])
status = dict(
    line.split(":\\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
)
try:
    os.setuid(0)
    name = "root again"
except PermissionError:
    pass
print(name, os.getresuid(), os.getresgid(), os.getgroups())
print(*(int(status[each], 16) for each in ("CapPrm", "CapEff", "CapAmb")))
"""


def drop(*arguments: str, **environment: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if "SUDO" not in name}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean | environment,
    )
    return done.stdout.splitlines()


def told(name: str) -> list[str]:
    user = pwd.getpwnam(name)
    ids = (user.pw_uid,) * 3, (user.pw_gid,) * 3
    return [f"{name} {ids[0]} {ids[1]} []", "0 0 0"]


@as_real_root
def test_root_becomes_nobody_for_good() -> None:
    assert drop() == told("nobody")


@as_real_root
def test_root_becomes_the_user_who_called_sudo() -> None:
    user = pwd.getpwnam("daemon")
    ids = {"SUDO_UID": str(user.pw_uid), "SUDO_GID": str(user.pw_gid)}
    assert drop(**ids) == told("daemon")


@as_real_root
def test_root_becomes_the_user_who_is_named() -> None:
    user = pwd.getpwnam("daemon")
    ids = {"SUDO_UID": str(user.pw_uid), "SUDO_GID": str(user.pw_gid)}
    assert drop("nobody", **ids) == told("nobody")


@as_real_root
@pytest.mark.parametrize(
    ("uid", "gid"),
    [("0", "0"), ("1", "0"), ("x", "1"), ("-1", "1"), ("9" * 30, "1"), ("4242", "1")],
)
def test_strange_caller_of_sudo_is_ignored(
    monkeypatch: pytest.MonkeyPatch, uid: str, gid: str
) -> None:
    monkeypatch.setenv("SUDO_UID", uid)
    monkeypatch.setenv("SUDO_GID", gid)
    assert find_user() == User("nobody", *pwd.getpwnam("nobody")[2:4])


@as_real_root
@pytest.mark.parametrize("name", ["nosuch", "a\0b"])
def test_unknown_user_is_refused(name: str) -> None:
    with pytest.raises(PrivilegeError, match="there is no user"):
        find_user(name)


@as_real_root
def test_root_is_no_user_to_become() -> None:
    with pytest.raises(PrivilegeError, match="root has root's rights"):
        drop_privileges("root")


@as_real_root
def test_rights_that_cannot_be_given_up_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "setgroups", fail)
    with pytest.raises(PrivilegeError, match="can't become nobody"):
        drop_privileges("nobody")


@as_real_root
def test_root_within_reach_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("setgroups", "setresgid", "setresuid"):
        monkeypatch.setattr(os, name, lambda *_: None)
    with pytest.raises(PrivilegeError, match="as good as root's"):
        drop_privileges("nobody")


def test_others_stay_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert find_user("nosuch") is None
    assert drop_privileges() is None
