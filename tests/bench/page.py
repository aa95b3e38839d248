"""How long the page of many sessions takes: `python -m tests.bench.page COUNT`.

The sessions are those of `tests.bench.findings`, in a folder of Parquet, of which
`mailtap report` makes a page; Chromium opens it, and clicks on what filters. A hundred
thousand sessions should be a page in 10 s, of less than 15 MB, which opens in 3 s and
filters within 0.3 s.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from analyzer.tables.folder import write_folder
from analyzer.tables.results import Results
from tests.bench import findings
from tests.bench.__main__ import apart, run
from tests.support.browser import Browser

SESSIONS = 100_000
# what is clicked on, the one after the other
_CLICKS = (
    "#findings .pick",
    "[data-chart=ports] .pick",
    "#clear",
    "[data-chart=clients] .pick",
    "#clear",
    "[data-chart=latency] .pick",
    "#clear",
    "[data-table=accounts] .pick",
    "#clear",
    "#sessions th:nth-child(4) button",
    "#alike",
)
_CLICK = """
(async () => {
  const pause = (ms) => new Promise(done => setTimeout(done, ms));
  const element = document.querySelector(%s);
  element.scrollIntoView();
  await pause(500);
  const began = performance.now();
  element.click();
  await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const took = performance.now() - began;
  while (document.body.matches(".busy")) await pause(20);
  return took;
})()
"""
_LIVE = """
new Promise(done => {
  const look = () => document.body.matches(".live")
    ? done(performance.now()) : setTimeout(look, 5);
  look();
})
"""


def main(sessions: int = SESSIONS) -> None:
    """Make a page of so many sessions, open it, and click through it."""
    console = Console(width=100)
    with tempfile.TemporaryDirectory(prefix="mailtap-page-") as name:
        folder, page = Path(name, "tables"), Path(name, "page.html")
        apart(_write, folder, sessions)
        mailtap = [sys.executable, "-m", "mailtap", "report", "-q"]
        made = run([*mailtap, str(folder), "-o", str(page)])
        size_mb = page.stat().st_size / 1e6
        console.print(
            f"made in {made.wall_s:.1f} s ({made.cpu_s:.1f} s of a processor), "
            f"{size_mb:.1f} MB, peak {made.peak_kib >> 10} MiB"
        )
        with Browser(Path(name, "profile")) as browser:
            browser.show(1280, 900)
            began = time.perf_counter()
            browser.open(page)
            browser.run(_LIVE)
            console.print(f"opened in {time.perf_counter() - began:.2f} s")
            shown = Table("click", "until it is shown")
            for selector in _CLICKS:
                took_ms = browser.run(_CLICK % json.dumps(selector))
                shown.add_row(escape(selector), f"{took_ms:.0f} ms")
            console.print(shown)


def _write(folder: Path, sessions: int) -> int:
    tables = findings.tables(sessions)
    write_folder(Results(tables, ["many.pcap"]), folder, "parquet")
    return len(tables["sessions"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
