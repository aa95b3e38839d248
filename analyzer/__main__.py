"""`python -m analyzer` is the command `mailtap`."""

from __future__ import annotations

import os
from typing import NoReturn

from analyzer.cli import main
from analyzer.cli.streams import flush_streams, prepare_streams


def run() -> NoReturn:
    """Run the command, and end without taking the interpreter apart.

    To free all objects and modules one by one would take a tenth of a second, as
    long as the analysis of some thousand packets; the kernel does it at once.
    """
    prepare_streams()
    status: int | str | None = 0
    try:
        main(prog_name="mailtap")
    except SystemExit as ending:
        status = ending.code
    flush_streams()
    os._exit(status if isinstance(status, int) else int(status is not None))


if __name__ == "__main__":
    run()
