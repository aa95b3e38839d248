"""`python -m analyzer` is the command `mailtap`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

from analyzer.cli import main


def run() -> NoReturn:
    """Run the command, and end without taking the interpreter apart.

    To free all objects and modules one by one would take a tenth of a second, as
    long as the analysis of some thousand packets; the kernel does it at once.
    """
    status: int | str | None = 0
    try:
        main(prog_name="mailtap")
    except SystemExit as ending:
        status = ending.code
    for stream in (sys.stdout, sys.stderr):
        # whoever read the output may be gone
        with suppress(OSError):
            stream.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    run()
