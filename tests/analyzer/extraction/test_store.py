from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from analyzer.errors import ExportError
from analyzer.extraction import store as store_module
from analyzer.extraction.folder import Folder
from analyzer.extraction.store import ATTACHMENTS, MESSAGES, Copies, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Folder.make(tmp_path / "out"))


def names(store: Store) -> list[str]:
    """The files and folders that are there."""
    root = store.folder.path
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_copy_is_named_by_its_content(store: Store) -> None:
    copies = Copies(store)
    copy = copies()
    copy.write(b"Subject: a\r\n")
    copy.write(b"\r\n")

    stored = copies.finish(copy, MESSAGES, ".eml")

    content = b"Subject: a\r\n\r\n"
    digest = hashlib.sha256(content).hexdigest()
    assert stored == (f"messages/{digest}.eml", digest, len(content))
    assert (store.folder.path / stored.name).read_bytes() == content


def test_what_is_alike_is_stored_once(store: Store) -> None:
    for _ in range(2):
        copies = Copies(store)
        for kind in (MESSAGES, ATTACHMENTS):
            copy = copies()
            copy.write(b"same")
            copies.finish(copy, kind, "")
        copies.close()

    assert len(store.names) == 2
    assert len(names(store)) == 4


def test_copies_grow_in_files_without_keeping_them_open(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_GATHERED_BYTES", 1000)
    monkeypatch.setattr(store_module, "_ALL_GATHERED_BYTES", 20_000)
    connections = [Copies(store) for _ in range(300)]
    growing = [(copies, copies()) for copies in connections]
    open_before = len(list(Path("/proc/self/fd").iterdir()))

    for number in range(40):
        for at, (_, copy) in enumerate(growing):
            copy.write(b"%d.%d " % (at, number) * (at % 9))
            assert store.gathered_bytes < 20_100

    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
    for at, (copies, copy) in enumerate(growing):
        stored = copies.finish(copy, ATTACHMENTS, "")
        expected = b"".join(b"%d.%d " % (at, number) * (at % 9) for number in range(40))
        assert (store.folder.path / stored.name).read_bytes() == expected
    store.close()
    assert all(name.startswith("attachments") for name in names(store))
    assert store.gathered_bytes == 0


def test_what_nobody_asks_for_is_forgotten(store: Store) -> None:
    copies = Copies(store)
    for size in (10, 1 << 20):
        copies().write(bytes(size))
    assert len(names(store)) == 1

    copies.close()

    assert names(store) == []
    assert store.gathered_bytes == 0


def test_copy_of_what_is_no_file_leaves_at_once(store: Store) -> None:
    copies = Copies(store)
    copy = copies()
    copy.write(bytes(1 << 20))

    copy.forget()

    assert (names(store), copies.growing, store.gathered_bytes) == ([], {}, 0)


def test_full_disk_is_told_once_and_leaves_no_parts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = Copies(store)
    first, second = copies(), copies()
    first.write(bytes(1 << 20))

    def fill(_descriptor: int, _data: memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", fill)
    # whoever parses is not disturbed
    second.write(bytes(1 << 20))
    first.write(bytes(1 << 20))

    for copy in (first, second):
        with pytest.raises(ExportError, match=r"out: can't be written \(No space"):
            copies.finish(copy, MESSAGES, ".eml")
    store.close()
    assert names(store) == []


def test_file_that_somebody_else_made_is_not_replaced(store: Store) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    folder = store.subfolder(MESSAGES)
    (folder.path / digest).write_text("mine")
    copies = Copies(store)
    copy = copies()
    copy.write(b"x")

    with pytest.raises(ExportError, match="File exists"):
        copies.finish(copy, MESSAGES, "")

    assert (folder.path / digest).read_text() == "mine"
