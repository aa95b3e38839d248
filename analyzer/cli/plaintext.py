"""`mailtap plaintext`: who sends mail or passwords in plaintext."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analyzer.cli import options, outputs
from analyzer.cli.choosing import choose, selecting
from analyzer.cli.completion import complete_interface
from analyzer.cli.inputs import Inputs, read_trust
from analyzer.cli.judging import config_option, read_config
from analyzer.cli.statuses import FOUND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa
    from rich.console import Console

    from analyzer.findings.settings import Settings
    from analyzer.selection.selection import Selection
    from analyzer.tables.results import Results


@click.command()
@options.captures_if_any
@click.option(
    "-i",
    "--interface",
    metavar="IFACE",
    shell_complete=complete_interface,
    help="Watch an interface instead of reading captures; needs --duration.",
)
@options.duration
@options.any_port
@options.run_as
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--json", "form", flag_value="json", help="Print a JSON document.")
@click.option(
    "--fail-on-plaintext",
    is_flag=True,
    help="Exit with status 3 if a password, a token or mail crossed in plaintext in "
    "submission or access; relay between servers doesn't count.",
)
@config_option
@selecting
@options.ports
@options.key_log
@options.ca
@click.option(
    "--engine",
    type=click.Choice(sorted({*options.READERS, *options.ENGINES})),
    default="auto",
    show_default=True,
    help="What reads the captures (native, tshark), or watches (socket, dumpcap).",
)
def plaintext(
    captures: tuple[str, ...],
    interface: str | None,
    duration: float | None,
    any_port: bool,
    run_as: str | None,
    form: str | None,
    fail_on_plaintext: bool,
    config: Path | None,
    selection: Selection,
    ports: Mapping[int, str],
    engine: str,
    key_log: Path | None,
    ca: Path | None,
) -> None:
    """Find who still sends mail or passwords in plaintext.

    For each server and port: how many sessions were in plaintext, upgraded or encrypted
    from the start, and who would be cut off if plaintext were disabled. For each client
    and account that logged in, or moved mail, in plaintext: how, and what that exposed.
    Passwords themselves are never shown.

    CAPTURE is what `mailtap analyze` reads, or a folder that --output wrote.

    Exit status: 0; 1 if something can't be read or written; 2 for wrong use; 3 with
    --fail-on-plaintext, if some was found.
    """
    _check_use(captures, interface, duration, engine)
    settings = read_config(config)
    problems: list[str] = []
    if interface is None:
        analysis = Inputs(captures, ports, engine, key_log, ca).read()
        outputs.warn(analysis.notes)
    else:
        from analyzer.cli.live import watch

        analysis, problems, _ = watch(
            interface,
            _rehearse,
            engine=engine,
            ports=ports,
            any_port=any_port,
            duration_s=duration,
            quiet=True,
            user=run_as,
            trust=read_trust(ca),
            key_log=key_log,
        )
    analysis = choose(analysis, selection, settings)
    problems += outputs.describe_problems(analysis)
    problems += _print(analysis, settings, form)
    outputs.exit_with(problems, _status(analysis) if fail_on_plaintext else 0)


def _check_use(
    captures: tuple[str, ...],
    interface: str | None,
    duration: float | None,
    engine: str,
) -> None:
    if interface is None:
        if not captures:
            raise click.UsageError("Name captures, or an --interface.")
        if duration is not None:
            raise click.UsageError("--duration is for --interface.")
    elif captures:
        raise click.UsageError("Name captures or an --interface, not both.")
    elif duration is None:
        raise click.UsageError("--interface requires --duration SECONDS.")
    known = options.READERS if interface is None else options.ENGINES
    if engine not in known:
        raise click.UsageError(f"--engine here is one of {', '.join(known)}.")


def _rehearse(analysis: Results, console: Console, _: pa.Table | None) -> None:
    """Make the report in every form."""
    from analyzer.terminal.plaintext import (
        plaintext_csv,
        plaintext_json,
        print_plaintext,
    )

    print_plaintext(analysis, console)
    plaintext_csv(analysis)
    plaintext_json(analysis)


def _print(analysis: Results, settings: Settings, form: str | None) -> list[str]:
    from analyzer.terminal.plaintext import (
        plaintext_csv,
        plaintext_json,
        print_plaintext,
    )

    if form == "csv":
        data = plaintext_csv(analysis, settings)
        return outputs.print_safely(lambda: click.echo(data, nl=False))
    if form == "json":
        text = plaintext_json(analysis, settings)
        return outputs.print_safely(lambda: click.echo(text))
    return outputs.print_safely(
        lambda: print_plaintext(analysis, outputs.console(), settings)
    )


def _status(analysis: Results) -> int:
    from analyzer.reports import has_plaintext

    return FOUND if has_plaintext(analysis.sessions) else 0
