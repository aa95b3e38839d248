from __future__ import annotations

from analyzer.html.provenance import Making, capture_names, listed, source
from tests.support.pages import MADE, page_of


def test_captures_are_named_without_their_folders() -> None:
    captures = ["/home/tom/monday/a.pcap", "-", "tuesday/a.pcap", "b.pcap"]

    assert [*capture_names(captures).values()] == [
        "a.pcap",
        "standard input",
        "a.pcap (2)",
        "b.pcap",
    ]
    assert capture_names([])["/home/tom/c.pcap"] == "c.pcap"


def test_page_says_when_and_how_it_was_made() -> None:
    making = Making(MADE.time, ["key log: keys.log", "ports: 2525=smtp"])

    first, *others = making.lines

    assert first.startswith("mailtap ")
    assert first.endswith(", 2026-11-24 09:30:00 UTC")
    assert others == ["key log: keys.log", "ports: 2525=smtp"]
    assert first in page_of("office").inside("li")


def test_many_captures_are_counted() -> None:
    names = capture_names([f"{number}.pcap" for number in range(60)])

    assert source(names) == "60 captures"
    assert len(listed(names)) == 51
    assert listed(names)[-1] == "and 10 more captures"
    assert source(capture_names(["x/a.pcap", "b.pcap"])) == "a.pcap, b.pcap"
