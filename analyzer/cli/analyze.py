"""`mailtap analyze`: the mail sessions of captures, as a summary and as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli import options, outputs
from analyzer.cli.choosing import choose, selecting
from analyzer.cli.inputs import Inputs, reading
from analyzer.cli.judging import NOT_JUDGED, failing_status, read_standards, standards
from analyzer.cli.preflight import check_file, check_output, check_page

if TYPE_CHECKING:
    from analyzer.cli.options import TableOutput
    from analyzer.selection.selection import Selection


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="FILE|DIR/|-",
    callback=options.parse_output,
    help="Write the session table to FILE (.csv, .jsonl, .parquet), or every table "
    "into the folder DIR/, or the session table to standard output (-).",
)
@options.table_format
@click.option(
    "--html",
    metavar="FILE|-",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="Write a report to FILE, a page for the browser.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@standards
@options.quiet
@selecting
@reading
def analyze(
    output: TableOutput | None,
    table_format: str,
    html: Path | None,
    as_json: bool,
    config: Path | None,
    baseline: Path | None,
    accept: Path | None,
    fail_on: str | None,
    quiet: bool,
    selection: Selection,
    inputs: Inputs,
) -> None:
    """Find what is wrong in the mail sessions of captures, and summarise them.

    CAPTURE is a pcap or pcapng file, also compressed with gzip, xz or zstd, or any
    other file that an installed tshark can read; - is standard input. Several
    captures are read as one, in time order. A folder stands for all captures in it
    and below it, 'mail*.pcap' in quotes for those that match. A folder that --output
    wrote is read instead of captures.

    Exit status: 0; 1 if a capture is damaged or can't be read (everything else is
    still reported), or the output can't be written; 2 for wrong use; 3 with
    --fail-on, if something was found.
    """
    is_taken = outputs.STANDARD_OUTPUT in (html, output and output.path)
    if is_taken and as_json and outputs.is_typed("as_json"):
        raise click.UsageError("--json and - are both for standard output.")
    is_streamed = output is not None and output.path == outputs.STANDARD_OUTPUT
    if is_streamed and table_format == "parquet":
        outputs.refuse_terminal("-o - --format parquet")
    # there is room for one
    is_silent = quiet or is_taken
    read = (*inputs.paths, config, accept)
    if output is not None:
        check_output(output, table_format, read)
    if html is not None:
        check_file(html, read)
        if output is not None:
            check_page(html, output)
    judged_by = read_standards(config, baseline, accept, selection)
    analysis = inputs.read(quiet=quiet)
    analysis = choose(analysis, selection, judged_by.settings)
    problems = outputs.describe_problems(analysis)
    # for millions of sessions it takes a while
    is_told = not is_silent or html or fail_on or (output and output.is_folder)
    judged = judged_by.judge_analysis(analysis, problems) if is_told else NOT_JUDGED
    if output is not None:
        problems += outputs.write_output(
            analysis, output, table_format, judged.findings
        )
    if html is not None:
        problems += outputs.write_html(
            analysis, html, judged.judgement, judged_by.settings
        )
    if not quiet:
        outputs.warn(analysis.notes)
    if not is_silent:
        problems += outputs.print_analysis(
            analysis, findings=judged.reviewed, as_json=as_json
        )
    outputs.exit_with(problems, failing_status(judged.reviewed, fail_on))
