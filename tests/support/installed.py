"""Runs mailtap with packages that are installed for one test only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.commands import start

COMMAND = Path(sys.executable).with_name("mailtap")


def mailtap(*arguments: str | Path, packages: Path) -> subprocess.CompletedProcess[str]:
    """Run the command with the packages of a folder beside mailtap."""
    process = start(*arguments, packages=packages)
    stdout, stderr = process.communicate(timeout=120)
    return subprocess.CompletedProcess([], process.returncode, stdout, stderr)


def name_entry_point(
    packages: Path,
    package: str,
    name: str,
    where: str,
    group: str = "mailtap.protocols",
) -> None:
    """Write what tells an installer's result: the entry point of a package."""
    folder = packages / f"{package}-1.dist-info"
    folder.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n"
    (folder / "METADATA").write_text(metadata)
    entry = f"[{group}]\n{name} = {where}\n"
    (folder / "entry_points.txt").write_text(entry)
