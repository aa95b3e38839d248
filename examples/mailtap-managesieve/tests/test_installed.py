"""What mailtap does with the plug-in: its package is installed into a folder."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
DATA = HERE / "data"
FACTS = json.loads((DATA / "facts.json").read_text())
# those of the captures, which nobody else has
PASSWORDS = ("violet-Otter-4711", "Kettle!Drum~93", "letmein-77")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and its metadata."""
    folder = tmp_path_factory.mktemp("packages")
    source = tmp_path_factory.mktemp("source") / "package"
    shutil.copytree(
        HERE.parent, source, ignore=shutil.ignore_patterns("tests", "*.egg-info")
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    here = ["--no-build-isolation", "--target", str(folder), str(source)]
    subprocess.run([*pip, *here], check=True)
    return folder


def mailtap(packages: Path, *arguments: str) -> str:
    """Run the command with the package beside it, and return what it prints."""
    checkout = HERE.parents[2]
    done = subprocess.run(
        [Path(sys.executable).with_name("mailtap"), *arguments],
        env={
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": f"{packages}{os.pathsep}{checkout}",
        },
        cwd=DATA,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def tables(packages: Path, folder: Path, *arguments: str) -> dict[str, list[Any]]:
    """Analyse captures, and return the rows of all tables."""
    mailtap(packages, "analyze", "-q", *arguments, "-o", f"{folder}/")
    written = {}
    for path in folder.glob("*.jsonl"):
        written[path.stem] = [*map(json.loads, path.read_text().splitlines())]
    return written


@pytest.mark.parametrize("name", FACTS)
def test_every_answer_is_as_the_client_was_told(
    packages: Path, tmp_path: Path, name: str
) -> None:
    keys = ("--keylog", "starttls.keys") if name == "starttls" else ()

    found = tables(packages, tmp_path, f"{name}.pcap", *keys)

    (session,) = found["sessions"]
    assert (session["protocol"], session["service"]) == ("managesieve", "sieve")
    assert session["anomalies"] == []
    assert session["state"] == "logout"
    assert session["server_software"] == "Dovecot (Debian) Pigeonhole"
    told = [(each["verb"] or "greeting", each["status"]) for each in found["exchanges"]]
    assert told == [tuple(each) for each in FACTS[name]]


def test_sessions_tell_who_logged_in_and_how(packages: Path, tmp_path: Path) -> None:
    captures = [f"{name}.pcap" for name in FACTS]

    rows = tables(packages, tmp_path, *captures, "--keylog", "starttls.keys")

    assert {
        row["capture"]: (
            row["auth_user"], row["auth_mechanism"], row["auth_failures"],
            row["auth_exposure"], row["protection"],
        )
        for row in rows["sessions"]
    } == {
        "edit-scripts.pcap": (
            "tom@example.com", "PLAIN", 1, "password", "plaintext-login",
        ),
        "step-by-step.pcap": (
            "ines@example.com", "LOGIN", 0, "password", "plaintext-login",
        ),
        "starttls.pcap": ("ines@example.com", "PLAIN", 0, "nothing", "protected"),
    }  # fmt: skip


def test_no_output_shows_a_secret(packages: Path, tmp_path: Path) -> None:
    captures = [f"{name}.pcap" for name in FACTS]
    keys = ("--keylog", "starttls.keys")
    printed = [
        mailtap(packages, "analyze", *captures, *keys, "-o", f"{tmp_path}/"),
        mailtap(packages, "analyze", "--json", *captures, *keys),
        mailtap(packages, "plaintext", *captures),
        mailtap(packages, "protocols", *captures, *keys),
        *(path.read_text() for path in tmp_path.iterdir()),
    ]

    for password in PASSWORDS:
        for before in ("", "x", "xx"):
            spelled = base64.b64encode(f"{before}{password}".encode()).decode()[4:-4]
            assert not any(spelled in text for text in printed)
        assert not any(password in text for text in printed)


def test_it_is_found_on_another_port(packages: Path, tmp_path: Path) -> None:
    content = (DATA / "edit-scripts.pcap").read_bytes()
    moved = content.replace((4190).to_bytes(2, "big"), (9419).to_bytes(2, "big"))
    (tmp_path / "moved.pcap").write_bytes(moved)

    rows = tables(packages, tmp_path / "tables", str(tmp_path / "moved.pcap"))

    (session,) = rows["sessions"]
    assert (session["server_port"], session["service"]) == (9419, "managesieve")
    assert session["auth_user"] == "tom@example.com"


def test_plaintext_and_protocols_know_it(packages: Path) -> None:
    plaintext = mailtap(packages, "plaintext", "edit-scripts.pcap")
    protocols = mailtap(packages, "protocols", "edit-scripts.pcap")

    assert "tom@example.com" in plaintext
    assert "sieve" in plaintext
    assert "MANAGESIEVE" in protocols
    assert "4190 sieve," in protocols
    assert mailtap(packages, "protocols", "--json").count("4190") == 1
