"""`mailtap report`: one page for the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli import options, outputs
from analyzer.cli.inputs import read_inputs
from analyzer.cli.preflight import check_file

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@options.captures
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the page.",
)
@options.quiet
@options.ports
@options.reader
@options.key_log
@options.ca
def report(
    captures: tuple[str, ...],
    output: Path,
    quiet: bool,
    ports: Mapping[int, str],
    engine: str,
    key_log: Path | None,
    ca: Path | None,
) -> None:
    """Write a report of captures or tables as one HTML file.

    CAPTURE is what `mailtap analyze` reads. The page needs no network.

    Exit status: as that of `mailtap analyze`.
    """
    options.require_captures(captures)
    check_file(output, (*captures, key_log, ca))
    analysis = read_inputs(
        captures, ports=ports, engine=engine, key_log=key_log, ca=ca, quiet=quiet
    )
    if not quiet:
        outputs.warn(analysis.notes)
    outputs.exit_with(
        outputs.describe_problems(analysis) + outputs.write_html(analysis, output)
    )
