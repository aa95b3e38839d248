"""The command line: parse, call one function, print."""

from __future__ import annotations

from analyzer.cli.main import FAILED, FOUND, INTERRUPTED, main

__all__ = ["FAILED", "FOUND", "INTERRUPTED", "main"]
