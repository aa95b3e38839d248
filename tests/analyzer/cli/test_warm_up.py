from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, NoReturn

import pytest

from analyzer.cli.warm_up import preload
from analyzer.errors import ExportError
from analyzer.tables.store import Store
from analyzer.terminal.summary import print_summary
from tests.support.analyses import rows_of

if TYPE_CHECKING:
    from pathlib import Path

# Whom a monitor becomes may not read the library: nothing may be imported then.
PROGRAM = """
import io, sys
from pathlib import Path

from analyzer.tables.builder import prepare_arrow
prepare_arrow()
from analyzer.cli.warm_up import preload
{report}
preload({kind!r}, report)

from rich.console import Console
from analyzer.cli.judging import Standards
from analyzer.cli.live_judging import judge_stored, raise_findings
from analyzer.findings.settings import Settings
from analyzer.runs.monitor import Monitor
from analyzer.tables import stored
from analyzer.tables.store import Store
from analyzer.terminal.live_view import LiveView
from analyzer.runs.secrets import FollowedKeyLog
from tests.support.analyses import CAPTURES, DATA
from tests.support.replay import Replay

before = set(sys.modules)
# as if there were many rows, in one of them
stored.FEW_ROWS = 0 if {kind!r} == "csv" else stored.FEW_ROWS
console = Console(file=io.StringIO(), force_terminal=True, width=100)
store = Store(Path(sys.argv[1], "tables"))
standards = Standards(Settings(), None, {{}})
raised = []
for name in {names!r}:
    live = Replay(CAPTURES[name], packets=500)
    keys = DATA / f"{{name}}.keys"
    secrets = FollowedKeyLog(keys) if keys.exists() else None
    on_rows = raise_findings(standards, raised) if name == {names!r}[-1] else None
    monitor = Monitor(live, store, secrets=secrets, on_rows=on_rows)
    with LiveView(console, live, monitor) as view:
        for rows in monitor.run():
            view.show(rows, raised)
analysis = monitor.result()
judged = judge_stored(store.folder, standards, [])
store.finish({kind!r}, judged.findings)
report(analysis, console, judged.reviewed)
print(len(analysis.sessions), sorted(set(sys.modules) - before))
"""
MONITOR = "from analyzer.terminal.summary import print_summary as report"
PLAINTEXT = "from analyzer.cli.plaintext import _rehearse as report"
ALL = (
    "gre",
    "imap-utf7-mailbox",
    "ip-fragments",
    "pop3-apop",
    "smtp-submission-starttls-tls12",
    "vxlan",
    "smtp-attachments",
)


# how tables are written does not depend on how packets are read
@pytest.mark.parametrize(
    ("report", "kind", "names"),
    [
        (MONITOR, "csv", ALL),
        (MONITOR, "jsonl", ALL[-1:]),
        (MONITOR, "parquet", ALL[-1:]),
        (PLAINTEXT, "jsonl", ALL[-3:]),
    ],
    ids=["monitor-csv", "monitor-jsonl", "monitor-parquet", "plaintext"],
)
def test_nothing_is_imported_after_a_rehearsal(
    report: str, kind: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    program = PROGRAM.format(report=report, kind=kind, names=names)

    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )

    sessions = sum(len(rows_of(name)) for name in names)
    assert done.stdout == f"{sessions} []\n"


def test_rehearsal_leaves_nothing_and_follows_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody puts a folder of his own in the place of that of the warm-up."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    precious = tmp_path / "precious"
    precious.mkdir()

    def swap(*_: object) -> NoReturn:
        [ours] = [each for each in tmp_path.iterdir() if each != precious]
        ours.rename(tmp_path / "away")
        ours.symlink_to(precious)
        raise ExportError("that is all")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "finish", swap)
        with pytest.raises(ExportError, match="that is all"):
            preload("csv", print_summary)
    assert [*precious.iterdir()] == [*(tmp_path / "away").iterdir()] == []

    for each in tmp_path.iterdir():
        each.unlink() if each.is_symlink() else each.rmdir()
    preload("csv", print_summary)
    assert [*tmp_path.iterdir()] == []
