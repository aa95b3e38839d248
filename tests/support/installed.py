"""Runs mailtap with packages that are installed for one test only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.documents import ROOT

COMMAND = Path(sys.executable).with_name("mailtap")


def environment(packages: Path) -> dict[str, str]:
    """What makes the packages of a folder those that are installed beside mailtap."""
    return {
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(map(str, (packages, ROOT))),
    }


def mailtap(*arguments: str | Path, packages: Path) -> subprocess.CompletedProcess[str]:
    """Run the command with the packages of a folder beside mailtap."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(packages),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


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
