"""`python -m mailtap` is the command `mailtap`."""

from __future__ import annotations

from analyzer.__main__ import run

if __name__ == "__main__":
    run()
