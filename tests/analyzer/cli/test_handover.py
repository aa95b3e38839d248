from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from analyzer.cli.handover import make_folder_for
from captures.live.privileges import User
from tests.support.namespaces import as_real_root

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = as_real_root

NOBODY = User("nobody", 65_534, 65_534)
STRANGER = 4321


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A folder that is root's alone, as is the way to it."""
    tmp_path.chmod(0o755)
    return tmp_path


def owner(path: Path) -> tuple[int, int]:
    status = path.stat(follow_symlinks=False)
    return status.st_uid, status.st_gid


def test_root_makes_a_folder_for_the_user(roots: Path) -> None:
    make_folder_for(NOBODY, roots / "a" / "tables")

    assert owner(roots / "a" / "tables") == NOBODY[1:]
    assert owner(roots / "a") == (0, 0)


@pytest.mark.parametrize("name", ["tables", "./tables", "a/../tables", "a/tables"])
def test_name_is_relative_to_where_root_is(
    roots: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (roots / "a").mkdir()
    monkeypatch.chdir(roots)

    make_folder_for(NOBODY, roots.__class__(name))

    assert owner(roots / name) == NOBODY[1:]


@pytest.mark.parametrize("name", ["tables", ".", "/"])
def test_folder_that_exists_stays_as_it_is(
    roots: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (roots / "tables").mkdir()
    monkeypatch.chdir(roots)
    before = owner(roots / name)

    make_folder_for(NOBODY, roots.__class__(name))

    assert owner(roots / name) == before


@pytest.mark.parametrize(
    ("uid", "mode"), [(STRANGER, 0o755), (0, 0o775), (0, 0o777), (STRANGER, 0o1777)]
)
def test_where_others_may_change_names_the_user_makes_the_folder(
    roots: Path, uid: int, mode: int
) -> None:
    others = roots / "others"
    (others / "below").mkdir(parents=True)
    os.chown(others, uid, uid)
    others.chmod(mode)

    make_folder_for(NOBODY, others / "tables")
    make_folder_for(NOBODY, others / "below" / "tables")

    assert [each.name for each in others.rglob("*")] == ["below"]


def test_root_makes_a_folder_where_all_may_make_their_own(roots: Path) -> None:
    roots.chmod(0o1777)

    make_folder_for(NOBODY, roots / "tables")

    assert owner(roots / "tables") == NOBODY[1:]


@pytest.mark.parametrize("is_last", [True, False])
def test_link_is_not_followed(roots: Path, *, is_last: bool) -> None:
    (roots / "target").mkdir()
    (roots / "link").symlink_to("target")

    make_folder_for(NOBODY, roots / "link" / ("" if is_last else "tables"))

    assert owner(roots / "target") == owner(roots / "link") == (0, 0)
    assert [*(roots / "target").iterdir()] == []


def test_file_in_the_way_is_left_to_who_will_write(roots: Path) -> None:
    (roots / "file").write_bytes(b"")

    make_folder_for(NOBODY, roots / "file")
    make_folder_for(NOBODY, roots / "file" / "tables")

    assert owner(roots / "file") == (0, 0)


# puts a link where a folder was, and the other way round, as fast as it can
SWAP = """
import os, sys
from contextlib import suppress
os.chdir(sys.argv[1])
os.setresgid(4321, 4321, 4321)
os.setresuid(4321, 4321, 4321)
print(flush=True)
while True:
    with suppress(OSError):
        os.symlink(sys.argv[2], "tables")
    with suppress(OSError):
        os.unlink("tables")
    with suppress(OSError):
        os.rename("tables", "away")
    with suppress(OSError):
        os.rmdir("away")
"""


@pytest.mark.parametrize(("uid", "mode"), [(STRANGER, 0o755), (0, 0o777), (0, 0o1777)])
def test_stranger_who_swaps_links_never_gets_anything(
    roots: Path, uid: int, mode: int
) -> None:
    precious, others = roots / "precious", roots / "others"
    precious.mkdir(mode=0o700)
    others.mkdir()
    os.chown(others, uid, 0)
    others.chmod(mode)
    stranger = subprocess.Popen(
        [sys.executable, "-c", SWAP, others, precious], stdout=subprocess.PIPE
    )
    try:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            with suppress(OSError):
                make_folder_for(NOBODY, others / "tables")
            with suppress(OSError):
                (others / "tables").rmdir()
    finally:
        stranger.kill()
        stranger.communicate()
    assert owner(precious) == (0, 0)
    assert [*precious.iterdir()] == []
