"""`mailtap report`: one page for the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.cli import options, outputs
from analyzer.cli.choosing import choose, selecting
from analyzer.cli.inputs import Inputs, reading
from analyzer.cli.judging import failing_status, read_standards, standards
from analyzer.cli.preflight import check_extras, check_file, check_folder

if TYPE_CHECKING:
    from analyzer.selection.selection import Selection

# without any, a device or a pipe may be meant
_SUFFIXES = ("", ".html", ".htm", ".xlsx")


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="FILE|-",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    help="Write a page to FILE; or, if it ends in .xlsx, a spreadsheet; - is standard "
    "output, for the page.",
)
@click.option(
    "--png",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the charts into DIR, as PNG.",
)
@click.option(
    "--svg",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the charts into DIR, as SVG.",
)
@standards
@options.quiet
@selecting
@reading
def report(
    output: Path | None,
    png: Path | None,
    svg: Path | None,
    config: Path | None,
    baseline: Path | None,
    accept: Path | None,
    fail_on: str | None,
    quiet: bool,
    selection: Selection,
    inputs: Inputs,
) -> None:
    """Write a report of captures or tables: a page, a spreadsheet, or pictures.

    CAPTURE is what `mailtap analyze` reads. The page needs no network. A spreadsheet
    has a sheet for each table, and no formulas; it takes the extra `spreadsheet`.
    Pictures take the extra `pictures`, and a browser that draws them.

    Exit status: as that of `mailtap analyze`.
    """
    pictures = {kind: folder for kind, folder in (("png", png), ("svg", svg)) if folder}
    if output is None and not pictures:
        raise click.UsageError("Name a FILE for --output, or a DIR for --png or --svg.")
    if output is not None:
        check_file(output, (*inputs.paths, config, accept))
        if output.suffix.lower() not in _SUFFIXES:
            raise click.BadParameter(
                f"{str(output)!r} must end in .html, for a page, or in .xlsx, for a "
                "spreadsheet",
                param_hint="--output",
            )
    for folder in pictures.values():
        check_folder(folder)
    is_spreadsheet = output is not None and output.suffix.lower() == ".xlsx"
    check_extras(spreadsheet=is_spreadsheet, pictures=bool(pictures))
    judged_by = read_standards(config, baseline, accept, selection)
    analysis = inputs.read(quiet=quiet)
    analysis = choose(analysis, selection, judged_by.settings)
    if not quiet:
        outputs.warn(analysis.notes)
    problems = outputs.describe_problems(analysis)
    judged = judged_by.judge_analysis(analysis, problems)
    if output is not None and is_spreadsheet:
        problems += outputs.write_spreadsheet(analysis, output, judged.reviewed)
    elif output is not None:
        problems += outputs.write_html(
            analysis, output, judged.judgement, judged_by.settings
        )
    if pictures:
        problems += outputs.write_pictures(analysis, pictures)
    outputs.exit_with(problems, failing_status(judged.reviewed, fail_on))
