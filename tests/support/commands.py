"""Runs commands of mailtap without a new interpreter, which takes a second."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from typing import IO, TYPE_CHECKING

from click.testing import CliRunner

from analyzer.cli import live, warm_up  # noqa: F401, commands import them late
from analyzer.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

_OURS = {"analyzer", "captures", "dissectors", "mailtap"}


def run(*arguments: str | Path | int, stdin: str | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, [*map(str, arguments)], input=stdin)


def start(
    *arguments: str | Path,
    stdout: int | IO[bytes] = subprocess.PIPE,
    packages: Path | None = None,
) -> subprocess.Popen[str]:
    """Start a command in a copy of this process, which has imported all it needs.

    Args:
        arguments: of mailtap.
        stdout: where its output goes.
        packages: a folder of packages that are installed, too; mailtap, which looks for
            them, is imported anew.
    """

    def become() -> None:
        # as exec would, for which `Popen` waits
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.argv = ["mailtap", *map(str, arguments)]
        sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1)  # noqa: SIM115
        if packages is not None:
            sys.path.insert(0, str(packages))
            for name in [*sys.modules]:
                if name.partition(".")[0] in _OURS:
                    del sys.modules[name]
        import_module("analyzer.__main__").run()

    return subprocess.Popen(
        ["mailtap"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        # Python ignores SIGPIPE
        restore_signals=False,
        preexec_fn=become,  # noqa: PLW1509, other threads only wait
    )
