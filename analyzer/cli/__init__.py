"""The command line: parse, call one function, print."""

from __future__ import annotations

from analyzer.cli.main import main
from analyzer.cli.statuses import FAILED, FOUND, INTERRUPTED

__all__ = ["FAILED", "FOUND", "INTERRUPTED", "main"]
