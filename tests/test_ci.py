"""How system packages are installed, with stand-ins, and how tests may be started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ROOT / ".ci" / "packages"


class Machine:
    """A machine whose programs are shell scripts that write down their calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        for program in ("bash", "env"):
            path = shutil.which(program)
            assert path is not None
            (folder / program).symlink_to(path)

    def add(self, program: str, script: str) -> None:
        path = self.folder / program
        path.write_text(f"#!{self.folder}/bash\n{script}\n")
        path.chmod(0o755)

    def add_apt(self, *, status: int = 0) -> None:
        self.add("apt-get", f'echo "apt-get $*" >> {self.calls}; exit {status}')

    def install(self, *packages: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / "bash", PACKAGES, *packages],
            env={"PATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_root_installs_through_apt(machine: Machine) -> None:
    machine.add_apt()
    machine.add("id", "echo 0")

    done = machine.install("tshark")

    assert done.returncode == 0
    assert machine.calls.read_text().splitlines() == [
        "apt-get -qq update",
        "apt-get -qq install --yes --no-install-recommends tshark",
    ]


def test_user_with_sudo_without_password_installs_through_it(machine: Machine) -> None:
    machine.add_apt()
    machine.add("id", "echo 1000")
    machine.add("sudo", f'echo "sudo $1" >> {machine.calls}; shift; "$@"')

    done = machine.install("tshark")

    assert done.returncode == 0
    assert machine.calls.read_text().splitlines()[-2:] == [
        "sudo -n",
        "apt-get -qq install --yes --no-install-recommends tshark",
    ]


def test_user_without_root_is_told_what_to_type(machine: Machine) -> None:
    machine.add_apt()
    machine.add("id", "echo 1000")

    done = machine.install("tshark", "make")

    assert done.returncode == 1
    assert "--no-install-recommends tshark make\n" in done.stderr
    assert not machine.calls.exists()


def test_root_is_told_what_to_type_when_apt_fails(machine: Machine) -> None:
    machine.add_apt(status=100)
    machine.add("id", "echo 0")

    done = machine.install("tshark")

    assert done.returncode == 1
    assert "apt-get install --yes --no-install-recommends tshark\n" in done.stderr


def test_user_without_apt_is_told_what_is_missing(machine: Machine) -> None:
    done = machine.install("tshark")

    assert done.returncode == 1
    assert "mailtap needs: tshark\n" in done.stderr


def test_tests_pass_whatever_signals_their_parent_ignores() -> None:
    program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [
            *("sh", "-c", "trap '' INT HUP TERM QUIT; exec \"$@\"", "sh"),
            *(*program, "-n", "0", "tests/analyzer/cli/test_live.py"),
        ],
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
