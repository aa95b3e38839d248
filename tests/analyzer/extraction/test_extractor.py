from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.extraction.extractor import Extractor
from analyzer.extraction.folder import Folder
from analyzer.extraction.store import Store
from analyzer.runs.pipeline import Pipeline
from captures import open_captures
from tests.support.analyses import CAPTURES, rows_of
from tests.support.deliveries import Delivery
from tests.support.traffic import write_pcap

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path


class Everything:
    """Contains whatever is looked for."""

    def __contains__(self, _name: object) -> bool:
        return True


def extracted(capture: Path, chosen: Container[str], target: Path) -> Extractor:
    """Read a capture, and take the messages of chosen sessions."""
    store = Store(Folder.make(target))
    with open_captures([str(capture)]) as batches:
        extractor = Extractor(store, chosen, batches.names)
        pipeline = Pipeline(extractor, copies_for=extractor.copies_for)
        for batch in batches:
            pipeline.process(batch)
        pipeline.close()
    store.close()
    return extractor


def test_nothing_is_taken_of_sessions_that_are_not_chosen(tmp_path: Path) -> None:
    messages = rows_of("office", "messages")
    chosen = {messages[0]["session_id"]}

    extractor = extracted(CAPTURES["office"], chosen, tmp_path / "out")

    assert {row["session_id"] for row in extractor.rows} == chosen == extractor.met
    found = [row for row in extractor.rows if row["kind"] == "message"]
    assert len(found) == sum(each["session_id"] in chosen for each in messages)


def test_messages_leave_long_before_the_end_of_a_session(tmp_path: Path) -> None:
    script = Delivery()
    for number in range(300):
        script.sender().recipient("250 ok")
        script.client(b"DATA\r\n").server(b"354 go on\r\n")
        script.client(b"From: a@example.com\r\n\r\n%d\r\n.\r\n" % number)
        script.server(b"250 ok\r\n")
    capture = write_pcap(tmp_path / "a.pcap", script.close())
    target = tmp_path / "out"

    extractor = extracted(capture, Everything(), target)

    contents = [(target / row["file"]).read_bytes() for row in extractor.rows]
    assert contents == [
        b"From: a@example.com\r\n\r\n%d\r\n" % number for number in range(300)
    ]


def test_index_tells_where_a_file_came_from(tmp_path: Path) -> None:
    (sent,) = rows_of("smtp-attachments", "messages")
    capture = CAPTURES["smtp-attachments"]

    message, *files = extracted(capture, Everything(), tmp_path / "out").rows

    for row in (message, *files):
        for column in ("session_id", "frame", "message_id", "subject", "from"):
            assert row[column] == sent[column]
    assert {row["message_file"] for row in files} == {message["file"]}
    told = [(row["name"], row["type"], row["part"]) for row in files]
    assert told == [
        (each["name"], each["type"], each["part"]) for each in sent["attachments"]
    ]
