"""Runs commands of mailtap without a new interpreter, which takes a second."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, TYPE_CHECKING, NoReturn

from click.testing import CliRunner

import analyzer.__main__
from analyzer.cli.main import main

# what commands import when they need it
from analyzer.cli import live, warm_up  # noqa: F401  # isort: skip

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, [*map(str, arguments)], input=stdin)


def start(
    *arguments: str | Path, stdout: int | IO[bytes] = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start a command in a copy of this process, which has imported all it needs."""

    def become() -> NoReturn:
        # as exec would, for which `Popen` waits
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.argv = ["mailtap", *map(str, arguments)]
        sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1)  # noqa: SIM115
        analyzer.__main__.run()

    return subprocess.Popen(
        ["mailtap"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        # Python ignores SIGPIPE
        restore_signals=False,
        preexec_fn=become,  # noqa: PLW1509, other threads only wait
    )
