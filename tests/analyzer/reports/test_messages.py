from __future__ import annotations

import json

import pandas as pd

from analyzer.reports import attachment_list, message_list
from tests.support.analyses import DATA, analysis_of, rows_of


def test_messages_are_listed_with_the_names_of_their_files() -> None:
    facts = json.loads((DATA / "smtp-attachments.json").read_text())
    (sent,) = facts["sessions"][0]["messages"]
    analysis = analysis_of("smtp-attachments")

    (row,) = message_list(analysis.messages, analysis.sessions).to_dict("records")

    assert row["message_id"] == sent["message_id"]
    assert row["from"] == sent["from"]
    names = [each["name"] for each in sent["attachments"]]
    assert list(row["attachments"]) == names
    (session,) = rows_of("smtp-attachments")
    for column in ("session_id", "service", "client_ip", "server_ip", "server_port"):
        assert row[column] == session[column]


def test_messages_are_listed_by_time() -> None:
    office = analysis_of("office")

    rows = message_list(office.messages, office.sessions)

    assert rows["time"].is_monotonic_increasing
    assert len(rows) == len(rows_of("office", "messages"))


def test_file_is_listed_once_however_often_it_was_sent() -> None:
    expected: dict[str, set[str]] = {}
    for message in rows_of("office", "messages"):
        for file in message["attachments"]:
            expected.setdefault(file["sha256"], set()).add(message["session_id"])

    rows = attachment_list(analysis_of("office").messages)

    told = dict(zip(rows["sha256"], map(set, rows["session_ids"]), strict=True))
    assert told == expected
    assert rows["sessions"].tolist() == [len(each) for each in told.values()]
    ids = {row["message_id"] for row in rows_of("office", "messages")}
    assert {each for told in rows["message_ids"] for each in told} <= ids
    assert (rows["message_ids"].list.len() == 1).all()
    assert rows["messages"].max() > 1
    assert rows["messages"].is_monotonic_decreasing


def test_files_are_those_that_the_client_sent() -> None:
    facts = json.loads((DATA / "smtp-attachments.json").read_text())
    (sent,) = facts["sessions"][0]["messages"]

    rows = attachment_list(analysis_of("smtp-attachments").messages)

    kept = ["name", "type", "size_bytes", "sha256"]
    assert sorted(map(tuple, rows[kept].to_numpy())) == sorted(
        (each["name"], each["content_type"], each["size_bytes"], each["sha256"])
        for each in sent["attachments"]
    )


def test_files_of_which_some_is_missing_are_like_no_other() -> None:
    (message,) = rows_of("smtp-attachments", "messages")
    for file in message["attachments"]:
        file |= {"sha256": None, "size_bytes": 5}
    messages = analysis_of("smtp-attachments").messages
    column = pd.Series(
        [message["attachments"]] * 2, dtype=messages["attachments"].dtype
    )
    twice = pd.concat([messages, messages], ignore_index=True)

    rows = attachment_list(twice.assign(attachments=column))

    assert len(rows) == 2 * len(message["attachments"])
    assert rows["sha256"].isna().all()
    assert (rows["messages"] == 1).all()


def test_there_are_no_messages() -> None:
    http = analysis_of("negative-http")

    assert message_list(http.messages, http.sessions).empty
    assert attachment_list(http.messages).empty
