from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, NoReturn

import pytest

from analyzer.cli.warm_up import preload
from analyzer.errors import ExportError
from analyzer.tables.store import Store

if TYPE_CHECKING:
    from pathlib import Path

# Whom a monitor becomes may not read the library: nothing may be imported then.
PROGRAM = """
import io, sys
from pathlib import Path

from analyzer.tables.builder import prepare_arrow
prepare_arrow()
from analyzer.cli.warm_up import preload
preload({kind!r})

from rich.console import Console
from analyzer.runs.monitor import Monitor
from analyzer.terminal.plaintext import plaintext_csv, plaintext_json, print_plaintext
from analyzer.tables.store import Store
from analyzer.terminal.summary import print_summary
from analyzer.terminal.live_view import LiveView
from analyzer.runs.secrets import FollowedKeyLog
from tests.support.analyses import CAPTURES, DATA
from tests.support.replay import Replay

before = set(sys.modules)
for name in {names!r}:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    live = Replay(CAPTURES[name], packets=500)
    store = Store(Path(sys.argv[1], name))
    keys = DATA / f"{{name}}.keys"
    secrets = FollowedKeyLog(keys) if keys.exists() else None
    monitor = Monitor(live, store, secrets=secrets)
    with LiveView(console, live, monitor) as view:
        for rows in monitor.run():
            view.show(rows)
    analysis = monitor.result()
    store.finish({kind!r})
    print_summary(analysis, console)
    print_plaintext(analysis, console)
    plaintext_csv(analysis), plaintext_json(analysis)
print(sorted(set(sys.modules) - before))
"""


NAMES = (
    "gre",
    "imap-utf7-mailbox",
    "ip-fragments",
    "pop3-apop",
    "smtp-attachments",
    "smtp-submission-starttls-tls12",
    "vxlan",
)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_nothing_is_imported_after_a_rehearsal(kind: str, tmp_path: Path) -> None:
    program = PROGRAM.format(kind=kind, names=NAMES)

    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"


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
            preload("csv")
    assert [*precious.iterdir()] == [*(tmp_path / "away").iterdir()] == []

    for each in tmp_path.iterdir():
        each.unlink() if each.is_symlink() else each.rmdir()
    preload("csv")
    assert [*tmp_path.iterdir()] == []
