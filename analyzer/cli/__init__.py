"""The command line: parse, call one function, print."""

from __future__ import annotations

from analyzer.cli.main import FAILED, INTERRUPTED, PLAINTEXT, main

__all__ = ["FAILED", "INTERRUPTED", "PLAINTEXT", "main"]
