"""Servers whose packages exclude those that are installed: unpacked, not installed.

Debian has one mail server at a time. The others run from a folder into which their
packages are unpacked, with nothing of them on the machine but shared libraries.
"""

from __future__ import annotations

import functools
import subprocess
from typing import TYPE_CHECKING

from tests.support.lab.machine import LabError, run

if TYPE_CHECKING:
    from pathlib import Path

# package by the program that the lab runs
UNPACKED = {
    "exim4": ("exim4-daemon-heavy",),
    "imapd": ("courier-imap", "courier-authlib"),
}
# what these need of the machine
LIBRARIES = ("libmariadb3", "libidn12", "libspf2-2", "libcourier-unicode4", "libfam0")
_FOLDERS = ("usr/bin", "usr/sbin")


@functools.cache
def unpack(program: str, folder: Path) -> Path:
    """Unpack the packages of a program and return where it is.

    Raises:
        LabError: the packages can't be had, or libraries are missing.
    """
    root = folder / "unpacked" / program
    root.mkdir(parents=True)
    for package in UNPACKED[program]:
        subprocess.run(
            ["apt-get", "-qq", "download", package],
            check=True,
            cwd=root,
            capture_output=True,
        )
        (archive,) = root.glob(f"{package}_*.deb")
        run("dpkg", "-x", archive, root)
    found = next(
        root / each / program for each in _FOLDERS if (root / each / program).exists()
    )
    if "not found" in run("env", f"LD_LIBRARY_PATH={libraries(found)}", "ldd", found):
        raise LabError(f"please install: apt-get install {' '.join(LIBRARIES)}")
    return found


def libraries(program: Path) -> Path:
    """Where an unpacked program finds libraries of its own package."""
    return program.parents[1] / "lib"


def version(program: Path) -> str:
    """The name and version of the package that a program was unpacked from."""
    archive = next(program.parents[2].glob("*.deb"))
    name, upstream, _ = archive.name.split("_")
    return f"{name} {upstream.partition('-')[0].partition('+')[0]}"
