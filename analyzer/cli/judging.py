"""Asks the rules for a command, by what users set, know already and accept."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import click

from analyzer.cli import options, outputs
from analyzer.cli.choosing import choose
from analyzer.cli.inputs import read_folder_of_tables
from analyzer.cli.statuses import FOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    import pyarrow as pa

    from analyzer.findings.acceptances import Acceptance
    from analyzer.findings.grouping import Places
    from analyzer.findings.judgement import Judgement
    from analyzer.findings.settings import Settings
    from analyzer.selection.selection import Selection
    from analyzer.tables.results import Results
    from analyzer.tables.table import Columns

config_option = click.option(
    "--config",
    metavar="FILE",
    type=options.SOURCE,
    help="Judge by FILE (TOML): what is one's own, and how rules judge; `mailtap "
    "config` prints one.",
)
_BASELINE = click.option(
    "--baseline",
    metavar="DIR",
    type=options.SOURCE,
    help="Compare with the findings of an earlier run, whose tables are in DIR.",
)
accept_option = click.option(
    "--accept",
    metavar="FILE",
    type=options.SOURCE,
    help="Accept the findings that FILE (TOML) names.",
)
_FAIL_ON = click.option(
    "--fail-on",
    type=click.Choice(options.SEVERITIES),
    help="Exit with status 3 if a finding is so severe, or worse; with --baseline, if "
    "a new one is. Those that are accepted don't count.",
)


def standards(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options by which a command judges findings."""
    for option in (_FAIL_ON, accept_option, _BASELINE, config_option):
        command = option(command)
    return command


class Judged(NamedTuple):
    """What is wrong; `None` if nobody asked.

    Attributes:
        findings: the table `findings`.
        reviewed: with what is known of them (`analyzer.findings.review`).
        failures: rules that tell nothing, in words.
        sessions: places in `sessions` of all that show a finding, by its ID.
    """

    findings: pa.Table | None
    reviewed: pa.Table | None
    failures: Sequence[str] = ()
    sessions: Mapping[str, Places] = {}

    @property
    def judgement(self) -> Judgement | None:
        """What the page tells."""
        from analyzer.findings.judgement import Judgement

        if self.reviewed is None:
            return None
        return Judgement(self.reviewed, list(self.failures), self.sessions)


NOT_JUDGED = Judged(None, None)


class Standards(NamedTuple):
    """What a command judges by.

    Attributes:
        settings: what users set.
        baseline: the table `findings` of an earlier run.
        acceptances: of findings.
    """

    settings: Settings
    baseline: pa.Table | None
    acceptances: dict[str, Acceptance]

    def judge(self, tables: Mapping[str, Columns], problems: list[str]) -> Judged:
        """Find what is wrong, and say on standard error what to know of acceptances.

        Args:
            tables: of an analysis, by name.
            problems: rules that fail are added to them.

        Raises:
            LoadError: a column can't be read.
        """
        from analyzer.findings.judgement import judge

        return self._review(judge(tables, self.settings), self.acceptances, problems)

    def judge_analysis(self, analysis: Results, problems: list[str]) -> Judged:
        """Find what is wrong as `judge` does: in chosen sessions, if some are.

        Args:
            analysis: what was found in captures.
            problems: rules that fail are added to them.
        """
        from analyzer.findings.judgement import judge_analysis

        judgement, acceptances = (
            judge_analysis(analysis, self.settings),
            self.acceptances,
        )
        if analysis.whole is not None:
            # others may be found in sessions that were not chosen
            found = set(judgement.findings["finding_id"].to_pylist())
            acceptances = {each: acceptances[each] for each in found & {*acceptances}}
        return self._review(judgement, acceptances, problems)

    def _review(
        self,
        judgement: Judgement,
        acceptances: Mapping[str, Acceptance],
        problems: list[str],
    ) -> Judged:
        from analyzer.findings.acceptances import accept_on
        from analyzer.findings.review import review

        findings, failures, sessions = judgement
        problems += failures
        found = set(findings["finding_id"].to_pylist())
        reasons, notes = accept_on(_today(), acceptances, found)
        outputs.warn(notes)
        return Judged(
            findings, review(findings, self.baseline, reasons), failures, sessions
        )

    def accepted_ids(self) -> Collection[str]:
        """Return the IDs of the findings that are accepted today."""
        from analyzer.findings.acceptances import accept_on

        return accept_on(_today(), self.acceptances, self.acceptances).reasons


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def read_standards(
    config: Path | None,
    baseline: Path | None,
    accept: Path | None,
    selection: Selection | None = None,
) -> Standards:
    """Read what a command judges by: of an earlier run, too, chosen sessions alone.

    Raises:
        LoadError: a file or the folder can't be read, or a file has mistakes.
    """
    from analyzer.findings.acceptances import read_acceptances

    settings = read_config(config)
    return Standards(
        settings,
        None if baseline is None else _findings_of(baseline, settings, selection),
        {} if accept is None else read_acceptances(accept),
    )


def read_config(config: Path | None) -> Settings:
    """Read the settings; none for the defaults.

    Raises:
        LoadError: the file can't be read, or has mistakes.
    """
    from analyzer.findings.settings import Settings

    if config is None:
        return Settings()
    from analyzer.findings import registry
    from analyzer.findings.settings_file import read_settings

    return read_settings(config, registry.rules())


def failing_status(reviewed: pa.Table | None, fail_on: str | None) -> int:
    """Return the exit status: `FOUND` if a finding that counts is so severe."""
    if fail_on is None or reviewed is None:
        return 0
    from analyzer.findings.review import counting_findings

    found = counting_findings(reviewed)["severity"].to_pylist()
    return FOUND if set(found) & {*options.at_least(fail_on)} else 0


def _findings_of(
    folder: Path, settings: Settings, selection: Selection | None
) -> pa.Table:
    """Judge an earlier run by the same settings and rules as this one."""
    from analyzer.findings.judgement import judge_analysis

    earlier = choose(read_folder_of_tables(folder), selection, settings)
    return judge_analysis(earlier, settings).findings
