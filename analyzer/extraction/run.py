"""Reads captures once more, for the messages of the sessions that are chosen."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.errors import ExportError
from analyzer.extraction.extractor import Extractor
from analyzer.extraction.folder import Folder
from analyzer.extraction.index import write_index
from analyzer.extraction.store import Store
from analyzer.runs.pipeline import Pipeline
from analyzer.runs.secrets import Secrets
from analyzer.text import pluralize
from captures import ReadEngine, open_captures

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from analyzer.runs.pipeline import OnProgress


class Extracted(NamedTuple):
    """What was written.

    Attributes:
        messages: how many messages, also those that are alike.
        attachments: how many files of messages.
        partial: how many of both are there in part.
        fetched_in_part: messages of which clients fetched header fields or parts alone,
            which have no file.
        files: how many files there are now.
        problems: what is missing, in words.
    """

    messages: int
    attachments: int
    partial: int
    fetched_in_part: int
    files: int
    problems: Sequence[str]


def extract(
    captures: Sequence[str],
    target: Path,
    chosen: Collection[str],
    *,
    ports: Mapping[int, str],
    engine: str,
    key_log: Path | None,
    on_progress: OnProgress | None = None,
) -> Extracted:
    """Write messages, and the files that they carry, into a folder.

    Args:
        captures: as they were read before.
        target: the folder, which is new or empty.
        chosen: IDs of the sessions whose messages are wanted.
        ports: the mail ports and their protocols.
        engine: what reads the captures.
        key_log: file with the secrets of TLS sessions.
        on_progress: called after each batch.

    Raises:
        ExportError: the folder can't be made.
        LoadError: the key log can't be read.
        KeyboardInterrupt: somebody ended it; the index tells what was written.
    """
    secrets = Secrets(key_log)
    store = Store(Folder.make(target))
    problems: list[str] = []
    try:
        paths = [os.fspath(path) for path in captures]
        with open_captures(paths, engine=ReadEngine(engine)) as batches:
            extractor = Extractor(store, chosen, batches.names)
            pipeline = Pipeline(
                extractor,
                ports=ports,
                key_log=secrets.key_log,
                copies_for=extractor.copies_for,
            )
            try:
                for batch in batches:
                    secrets.take(batches.secrets)
                    pipeline.process(batch)
                    store.check()
                    if on_progress is not None:
                        on_progress(batch.position, batches.size)
                pipeline.close()
                store.check()
            except ExportError as error:
                # no session is met any more
                extractor.met.update(chosen)
                problems.append(str(error))
            except KeyboardInterrupt:
                _write_index(extractor.rows, store.folder)
                raise
        problems += _write_index(extractor.rows, store.folder)
    finally:
        store.close()
    if missing := len(set(chosen) - extractor.met):
        sessions = pluralize(missing, "session")
        problems.append(f"{sessions} not found again: did the captures change?")
    kinds = Counter(row["kind"] for row in extractor.rows)
    partial = sum(row["partial"] for row in extractor.rows)
    return Extracted(
        kinds["message"],
        kinds["attachment"],
        partial,
        extractor.fetched_in_part,
        len(store.names),
        problems,
    )


def _write_index(rows: Sequence[dict[str, Any]], folder: Folder) -> list[str]:
    """Write the index, also of what there is if not all could be written."""
    try:
        write_index(rows, folder)
    except OSError as error:
        return [str(ExportError.of(folder.path / "index", error))]
    return []
