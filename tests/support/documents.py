"""Keeps README.md and docs/ true: runs their commands and puts in what they print.

`python -m tests.support.documents` rewrites the files; a test compares.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner

from analyzer.cli.main import main

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
# made from the schema and the rules, and have tests of their own
MADE = (DOCS / "tables.md", DOCS / "findings.md")
DOCUMENTS = (README, *sorted({*DOCS.glob("*.md")} - {*MADE}))

_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PROMPT = "$ "
# up to what the shell does with its output
_MAILTAP = re.compile(r"""\bmailtap (?:[^'"|>;]|'[^']*'|"[^"]*")*""")


def rerun(text: str) -> str:
    """The text with the output of every command in a `console` block as it is now."""
    with TemporaryDirectory() as folder:
        # commands may write files, and find captures by their usual paths
        for name in ("analyzer", "tests"):
            Path(folder, name).symlink_to(ROOT / name)
        return _CONSOLE.sub(
            lambda block: f"```console\n{_rerun(block[1], folder)}```", text
        )


def python_examples(text: str) -> list[str]:
    """The Python sessions of the text."""
    return _PYTHON.findall(text)


def _rerun(block: str, folder: str) -> str:
    commands = [line for line in block.splitlines() if line.startswith(_PROMPT)]
    return "".join(f"{each}\n{_output(each, folder)}" for each in commands)


def _output(command: str, folder: str) -> str:
    with TemporaryDirectory() as outputs, chdir(folder):
        done = subprocess.run(
            _MAILTAP.sub(
                lambda found: _run_here(found[0], Path(outputs)),
                command.removeprefix(_PROMPT),
            ),
            shell=True,
            env={"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "LC_ALL": "C"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def _run_here(command: str, outputs: Path) -> str:
    """Run a command of mailtap; return one for the shell that does the same.

    A process for each takes longer than what it does.
    """
    done = CliRunner(env={"MAILTAP_CONFIG": "", "MAILTAP_TRACEBACK": None}).invoke(
        main, shlex.split(command)[1:], prog_name="mailtap"
    )
    (outputs / "stdout").write_bytes(done.stdout_bytes)
    (outputs / "stderr").write_bytes(done.stderr_bytes)
    return f"(cat {outputs}/stderr >&2; cat {outputs}/stdout; exit {done.exit_code})"


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(rerun(document.read_text()))
