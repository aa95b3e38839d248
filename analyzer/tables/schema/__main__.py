"""Prints the documentation of all tables."""

from __future__ import annotations

import click

from analyzer.tables.schema.document import as_markdown

click.echo(as_markdown(), nl=False)
