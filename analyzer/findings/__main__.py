"""Prints the documentation of all rules."""

from __future__ import annotations

import click

from analyzer.findings.document import as_markdown

click.echo(as_markdown(), nl=False)
