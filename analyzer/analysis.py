"""mailtap for Python programs and notebooks."""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from analyzer.errors import ExportError
from analyzer.runs.pipeline import find_sessions
from analyzer.tables.export import WRITERS
from analyzer.tables.folder import is_folder_of_tables, read_folder, write_folder
from analyzer.tables.parts import has_parts, read_parts
from analyzer.tables.results import Results
from analyzer.text import escape_controls, pluralize
from captures import ReadEngine, find_captures

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

    from analyzer.findings.judgement import Judgement
    from analyzer.runs.pipeline import OnProgress

# columns of characters in a notebook
_NOTEBOOK_WIDTH = 110
_NOTEBOOK_FORMAT = '<pre style="line-height: 1.2; overflow-x: auto">{code}</pre>'


class Analysis(Results):
    """What was found in some captures, and what can be done with it.

    In a notebook, it shows its summary.
    """

    @classmethod
    def of(cls, results: Results) -> Self:
        """Return an analysis with these results."""
        return cls(
            **{field.name: getattr(results, field.name) for field in fields(cls)}
        )

    def __repr__(self) -> str:
        problems = pluralize(len(self.problems), "problem")
        source = pluralize(len(self.captures), "capture")
        if len(self.captures) == 1:
            source = escape_controls(self.captures[0])
        return f"<Analysis of {source}: {self.count_sessions()}, {problems}>"

    def _repr_html_(self) -> str:
        """Show the summary that the command prints; its text can do no harm."""
        from rich.console import Console

        from analyzer.findings.review import review
        from analyzer.terminal.summary import print_summary

        console = Console(
            file=io.StringIO(),
            record=True,
            width=_NOTEBOOK_WIDTH,
            highlight=False,
            # or rich displays each part by itself
            force_jupyter=False,
        )
        findings, problems, _ = self._judgement
        print_summary(self, console, review(findings))
        for problem in problems:
            console.print(escape_controls(problem), markup=False)
        return console.export_html(inline_styles=True, code_format=_NOTEBOOK_FORMAT)

    def where(self, condition: str) -> Self:
        """Return the analysis of some sessions alone: those that a condition chooses.

        They are judged as before, by what was seen in all sessions.

        >>> analysis = analyze("analyzer/data/office.pcap")
        >>> analysis.where("service = 'imap' and duration_s > 1")
        <Analysis of analyzer/data/office.pcap: 1 of 29 sessions, 0 problems>

        Args:
            condition: over the columns of `sessions`; docs/choosing.md says what it
                may hold.

        Raises:
            ValueError: it means nothing; its text points at the mistake.
        """
        from analyzer.selection.narrow import narrow
        from analyzer.selection.selection import where

        return narrow(self, where(condition).of(self.tables))

    def dialogue(self, session_id: str) -> pd.DataFrame:
        """Return the commands and answers of one session, in order.

        Args:
            session_id: its ID, or as much of its beginning as tells it from all others.

        Returns:
            Its rows of `exchanges`; none if nothing of it could be read.

        Raises:
            LookupError: no session, or more than one, is meant.
        """
        of_session = self.exchanges["session_id"] == self._find(session_id)
        return self.exchanges[of_session].reset_index(drop=True)

    def show(
        self, session_id: str, *, key_log: str | os.PathLike[str] | None = None
    ) -> pd.DataFrame:
        """Return what happened in one session, step by step, as `mailtap show` does.

        Its captures are read again, if they are still there: then every line of both
        sides is a step. Else it is commands and answers, as in `exchanges`. The TLS
        handshake, messages and missing bytes are steps, too.

        Args:
            session_id: its ID, or as much of its beginning as tells it from all others.
            key_log: file with the secrets of TLS sessions, as for `analyze`.

        Returns:
            A row for each step: `since_start_s`, `kind`, `side`, `text`, `latency_s`,
            `capture`, `frame` and `offset`.

        Raises:
            LookupError: no session, or more than one, is meant.
            LoadError: the key log can't be read.
        """
        from analyzer.dialogue.dialogue import dialogue_of

        chosen = self._find(session_id)
        return dialogue_of(self, chosen, limit=None, key_log=key_log).to_frame()

    def _find(self, beginning: str) -> str:
        from analyzer.dialogue.chosen import find_session

        known = self.tables["sessions"]["session_id"].to_pylist()
        return find_session(known, beginning)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """What is wrong, the worst first; computed when it is first asked for."""
        return self.find()

    def find(self, config: str | os.PathLike[str] | None = None) -> pd.DataFrame:
        """Find what is wrong.

        Args:
            config: file of settings, as `mailtap config` prints one; `None` for the
                defaults.

        Returns:
            The table `findings`: a row for each thing to mend, the worst first.

        Raises:
            LoadError: the file can't be read, or says what can't be.

        Warns:
            UserWarning: a rule failed; all others are still told.
        """
        import pandas as pd

        frame: pd.DataFrame = self._judge(config).to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    @cached_property
    def _judgement(self) -> Judgement:
        from analyzer.findings.judgement import judge_analysis

        return judge_analysis(self)

    def _judge(self, config: str | os.PathLike[str] | None = None) -> pa.Table:
        from analyzer.findings import registry
        from analyzer.findings.judgement import judge_analysis
        from analyzer.findings.settings_file import read_settings

        if config is None:
            judgement = self._judgement
        else:
            settings = read_settings(Path(config), registry.rules())
            judgement = judge_analysis(self, settings)
        for problem in judgement.problems:
            warnings.warn(problem, stacklevel=2)
        return judgement.findings

    def save(
        self, folder: str | os.PathLike[str], *, file_format: str = "parquet"
    ) -> None:
        """Write all tables into a folder, which `load` and `mailtap report` read.

        The findings are written, too, and made anew when they are read.

        An analysis that was saved there before is replaced.

        Args:
            folder: where to; it is made if it is missing.
            file_format: of the files: csv, jsonl or parquet.

        Raises:
            ExportError: the folder or a file can't be written, or there is no such
                format.
        """
        if file_format not in WRITERS:
            raise ExportError(
                f"file_format is csv, jsonl or parquet, not {file_format!r}"
            )
        if has_parts(Path(folder)):
            raise ExportError(f"{folder}: a monitor writes here")
        write_folder(self, Path(folder), file_format, self._judge())

    def to_html(self) -> str:
        """Return the report as a page of HTML that needs no other file."""
        from analyzer.html.page import render_page

        return render_page(self, self._judgement)


def analyze(
    captures: Iterable[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    ports: Mapping[int, str] | None = None,
    processes: int | None = None,
    engine: str = ReadEngine.AUTO,
    key_log: str | os.PathLike[str] | None = None,
    ca: str | os.PathLike[str] | None = None,
    on_progress: OnProgress | None = None,
) -> Analysis:
    """Find all mail sessions in captures.

    Several captures are read as one, in time order.

    >>> analysis = analyze("tests/data/pop3-user-pass.pcap")
    >>> analysis.sessions[["protocol", "auth_mechanism", "auth_result"]].values.tolist()
    [['pop3', 'USER', 'success']]

    Args:
        captures: capture files, or folders, in and below which all captures are read;
            `-` is standard input.
        ports: the mail ports and their protocols; `None` for those of all protocols.
        processes: how many processes share the work, at most 8; `None` for as many
            as are worthwhile. The result is the same.
        engine: what reads the captures: a `captures.ReadEngine`.
        key_log: file with the secrets of TLS sessions, in the NSS key log format.
            Those that captures bring along are used in any case.
        ca: file with the certificates in PEM that are trusted to sign others; `None`
            for those of the system.
        on_progress: called after each batch with the bytes of input that were
            read, and those there are in all, if that is known.

    Returns:
        The tables, and what could not be read: of several captures, those that can't
        be read are `problems` of the analysis.

    Raises:
        captures.CaptureError: the only capture can't be read at all.
        LoadError: the key log or the certificates can't be read.
        ValueError: there is no such port, protocol, engine or number of processes.
    """
    named = [captures] if isinstance(captures, (str, os.PathLike)) else captures
    results = find_sessions(
        [path for each in named for path in _inside(each)],
        ports=ports,
        processes=processes,
        engine=engine,
        key_log=key_log,
        ca=ca,
        on_progress=on_progress,
    )
    if len(results.captures) == 1:
        for problem in results.problems:
            if not problem.usable:
                raise problem
    return Analysis.of(results)


def _inside(name: str | os.PathLike[str]) -> Sequence[str | os.PathLike[str]]:
    """Return the captures in a folder, or the name itself if it is none."""
    if not Path(name).is_dir():
        return [name]
    return find_captures(name, leave_out=is_folder_of_tables).captures or [name]


def load(folder: str | os.PathLike[str]) -> Analysis:
    """Read the tables that `Analysis.save`, `--output` or a monitor wrote.

    Args:
        folder: where they are; a monitor may still be writing there.

    Raises:
        LoadError: there are no tables, or they can't be read.
    """
    path = Path(folder)
    return Analysis.of(read_parts(path) if has_parts(path) else read_folder(path))
