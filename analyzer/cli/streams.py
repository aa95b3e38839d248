"""Standard input, output and error as commands can rely on them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper


def prepare_streams() -> None:
    r"""Make sure that no stream is missing, and none fails for a character.

    A stream that is closed becomes one that fails with each use. Else a file that is
    opened later would take its number, and get what is meant for the terminal. What the
    encoding of the locale doesn't have is written as `\xe9` or `\u2026`.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # the lowest number that is free, which is this one
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
            stream = open(number, "w" if number else "r", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
    for output in (sys.stdout, sys.stderr):
        if isinstance(output, TextIOWrapper):
            output.reconfigure(errors="backslashreplace")


def flush_streams() -> None:
    """Write what is left in buffers, unless nobody takes it."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def discard_output() -> None:
    """Print nothing more, nor what is left in the buffer and could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
