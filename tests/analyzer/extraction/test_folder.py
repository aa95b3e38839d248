from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from analyzer.errors import ExportError
from analyzer.extraction.folder import Folder, check_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPENERS: list[Callable[[Path], object]] = [Folder.make, check_folder]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.make(tmp_path / "new" / "folder")


def test_folder_is_made_for_its_owner_alone(folder: Folder) -> None:
    assert mode(folder.path) == 0o700


def test_files_are_for_their_owner_alone_and_not_executable(folder: Folder) -> None:
    previous = os.umask(0)
    try:
        folder.write("a", b"#!/bin/sh\n", is_new=True)
    finally:
        os.umask(previous)

    assert mode(folder.path / "a") == 0o600


def test_empty_folder_is_taken(tmp_path: Path) -> None:
    Folder.make(tmp_path).write("a", b"1", is_new=True)

    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("open_folder", OPENERS)
def test_folder_that_holds_something_is_not_taken(
    open_folder: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("x")

    with pytest.raises(ExportError, match="not empty: name a folder that is"):
        open_folder(tmp_path)


@pytest.mark.parametrize("open_folder", OPENERS)
def test_link_to_a_folder_is_not_followed(
    open_folder: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "link"
    link.symlink_to("elsewhere")

    with pytest.raises(ExportError, match="it is a symbolic link"):
        open_folder(link)


@pytest.mark.parametrize("open_folder", OPENERS)
def test_file_in_the_place_of_the_folder_is_told(
    open_folder: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")

    with pytest.raises(ExportError, match="can't be written"):
        open_folder(tmp_path / "file")


def test_check_makes_nothing(tmp_path: Path) -> None:
    check_folder(tmp_path / "new" / "folder")

    assert list(tmp_path.iterdir()) == []


def test_links_in_the_way_lead_nowhere(folder: Folder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    for name in ("new", "growing"):
        (folder.path / name).symlink_to(outside)
    (folder.path / "sub").symlink_to(tmp_path)

    with pytest.raises(FileExistsError):
        folder.write("new", b"x", is_new=True)
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        folder.write("growing", b"x", is_new=False)
    with pytest.raises(FileExistsError):
        folder.make_subfolder("sub")
    folder.write("part", b"x", is_new=True)
    with pytest.raises(FileExistsError):
        folder.move("part", folder, "new")

    assert outside.read_text() == "untouched"


def test_folder_that_is_led_elsewhere_takes_what_it_was_opened_for(
    folder: Folder, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    outside = tmp_path / "outside"
    outside.mkdir()
    folder.path.rename(moved)
    folder.path.symlink_to(outside)

    folder.make_subfolder("sub").write("a", b"1", is_new=True)
    folder.write("b", b"2", is_new=True)

    assert list(outside.iterdir()) == []
    assert (moved / "sub" / "a").read_bytes() == b"1"
    assert (moved / "b").read_bytes() == b"2"


def test_file_that_can_not_be_written_whole_is_removed(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write

    def fill(descriptor: int, data: memoryview) -> int:
        if len(data) < 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:4])

    monkeypatch.setattr(os, "write", fill)
    with pytest.raises(OSError, match="No space left"):
        folder.write("a", b"123456789", is_new=True)

    assert list(folder.path.iterdir()) == []
