"""Packages that are unpacked, not installed.

Debian has one mail server at a time. The others run from a folder into which their
packages are unpacked, with nothing of them on the machine but shared libraries. Of
Firefox, only its NSS is wanted: that of Debian's own package writes no key log.
"""

from __future__ import annotations

import functools
import subprocess
from typing import TYPE_CHECKING

from tests.support.laboratory.machine import LabError, run

if TYPE_CHECKING:
    from pathlib import Path

_FIREFOX = "firefox-esr"

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
        run("dpkg", "-x", _download(package, root), root)
    found = next(
        root / each / program for each in _FOLDERS if (root / each / program).exists()
    )
    if "not found" in run("env", f"LD_LIBRARY_PATH={libraries(found)}", "ldd", found):
        raise LabError(f"please install: apt-get install {' '.join(LIBRARIES)}")
    return found


def nss_libraries(folder: Path) -> Path:
    """Where the libraries of Firefox's NSS are.

    Raises:
        LabError: the package can't be had.
    """
    root = folder / "unpacked" / _FIREFOX
    root.mkdir(parents=True)
    run("dpkg", "-x", _download(_FIREFOX, root), root)
    return root / "usr/lib" / _FIREFOX


def _download(package: str, folder: Path) -> Path:
    command = ["apt-get", "-qq", "download", package]
    subprocess.run(command, check=True, cwd=folder, capture_output=True)
    (archive,) = folder.glob(f"{package}_*.deb")
    return archive


def libraries(program: Path) -> Path:
    """Where an unpacked program finds libraries of its own package."""
    return program.parents[1] / "lib"


def version(program: Path) -> str:
    """The name and version of the package that a program was unpacked from."""
    archive = next(program.parents[2].glob("*.deb"))
    name, upstream, _ = archive.name.split("_")
    return f"{name} {upstream.partition('-')[0].partition('+')[0]}"
