from __future__ import annotations

import os
import pwd
import subprocess
import sys

import pytest

from captures.live.privileges import PrivilegeError, User, drop_privileges, find_user
from tests.support.namespaces import ROOT, as_real_root

# what a process may still do; becoming root must fail
PROGRAM = """
import os, sys
from pathlib import Path
from captures import drop_privileges
exec(sys.argv[1])
name = drop_privileges(*sys.argv[2:])
status = dict(
    line.split(":\\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
)
try:
    os.setuid(0)
    name = "root again"
except PermissionError:
    pass
print(name, os.getresuid(), os.getresgid(), os.getgroups())
sets = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
print(*(int(status[each], 16) for each in sets), status["NoNewPrivs"].strip())
"""


# may hand net_raw on to programs that it starts
INHERITING = """
import ctypes
libc = ctypes.CDLL(None)
CAP_NET_RAW = 13
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert libc.capget(header, data) == 0
data[2] = 1 << CAP_NET_RAW
assert libc.capset(header, data) == 0
"""
# what a service has that may capture (`AmbientCapabilities` in systemd.exec(5))
AMBIENT = f"""
{INHERITING}
PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 47, 2
libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
os.setgroups([])
os.setresgid(1, 1, 1)
os.setresuid(1, 1, 1)
assert libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0
"""
FAILING = """
def fail(_):
    raise PermissionError(1, "Operation not permitted")
os.setgroups = fail
"""
# as if the kernel let root stay root
INEFFECTIVE = """
from captures.live import privileges
privileges._give_up_capabilities = lambda: None
os.setgroups = os.setresgid = os.setresuid = lambda *_: None
"""


def drop(*arguments: str, before: str = "", **environment: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if "SUDO" not in name}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, before, *arguments],
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
    return [f"{name} {ids[0]} {ids[1]} []", "0 0 0 0 0 1"]


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
@pytest.mark.parametrize(
    ("before", "error"),
    [
        (FAILING, "mailtap can't become nobody"),
        (INEFFECTIVE, "the rights of nobody are as good as root's"),
    ],
)
def test_rights_that_cannot_be_given_up_are_an_error(before: str, error: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        drop("nobody", before=before)
    assert f"PrivilegeError: {error}" in failed.value.stderr


@as_real_root
def test_inheritable_rights_of_root_are_given_up() -> None:
    assert drop(before=INHERITING) == told("nobody")


@as_real_root
def test_others_stay_who_they_are_without_what_they_may_do() -> None:
    who, may = drop("nosuch", before=AMBIENT)

    assert who == "None (1, 1, 1) (1, 1, 1) []"
    inheritable, permitted, effective, _, ambient, no_new = map(int, may.split())
    assert (inheritable, permitted, effective, ambient, no_new) == (0, 0, 0, 0, 1)
