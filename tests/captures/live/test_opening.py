"""Which engine captures, and what users are told who may not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from captures import CaptureError, Engine, open_live
from tests.support.namespaces import ROOT, as_real_root

pytestmark = pytest.mark.usefixtures("network")

both_engines = pytest.mark.parametrize(
    # root starts dumpcap as another user
    "engine",
    [Engine.SOCKET, pytest.param(Engine.DUMPCAP, marks=as_real_root)],
)


def test_root_captures_by_scapy_unless_told_otherwise() -> None:
    with open_live("vb") as live:
        assert live.engine == Engine.SOCKET


@both_engines
def test_unknown_user_is_refused_before_capturing(engine: Engine) -> None:
    with pytest.raises(CaptureError, match="there is no user nosuch"):
        open_live("vb", engine=engine, user="nosuch")


def open_as_nobody(path: str, engine: str) -> str:
    """Become nobody, try to capture, and return what happened."""
    program = """
import os, sys
from captures import CaptureError, open_live
from tests.support.namespaces import become_nobody
from captures.live import dumpcap
from captures.live import packet_socket as sockets
import scapy.arch.linux
path, engine = sys.argv[1:]
os.environ["PATH"] = path
become_nobody()
try:
    with open_live("vb", engine=engine) as live:
        next(live)
        print(live.engine)
except CaptureError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, path, engine],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
    )
    return done.stdout


@as_real_root
@pytest.mark.parametrize("engine", ["auto", "socket", "dumpcap"])
@pytest.mark.parametrize("path", ["/usr/bin", "/nonexistent"])
def test_user_without_rights_is_told_both_remedies(path: str, engine: str) -> None:
    told = open_as_nobody(path, engine)
    assert told.startswith("vb: ")
    assert "(usermod -a -G wireshark YOUR-NAME, then log in again)" in told
    if engine != "dumpcap":
        assert "run mailtap as root (sudo)" in told
