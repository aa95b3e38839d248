"""What the command `openssl verify` says of a chain."""

from __future__ import annotations

import base64
import functools
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

_ERROR = re.compile(r"error (\d+) at (\d+) depth lookup")


@dataclass(frozen=True)
class Answer:
    """What `openssl verify` says.

    Attributes:
        errors: the numbers of its errors, first one first.
        depths: where in the path each is; 0 is the server's own certificate.
        text: all that it printed.
    """

    is_trusted: bool
    errors: list[int]
    depths: list[int]
    text: str


def ask_openssl(
    sent: Sequence[bytes], anchors: Sequence[bytes], time: dt.datetime
) -> Answer:
    """Have the command verify a chain at a time, as clients of a server would."""
    text, is_trusted = _verify(sent, anchors, time)
    errors = _ERROR.findall(text)
    if not is_trusted and not errors and _is_readable(sent[0]):
        # the command reads all or nothing, mail clients skip what they can't read
        readable = [each for each in sent if _is_readable(each)]
        text, is_trusted = _verify(readable, anchors, time)
        errors = _ERROR.findall(text)
    numbers = [int(number) for number, _ in errors]
    return Answer(is_trusted, numbers, [int(depth) for _, depth in errors], text)


def _verify(
    sent: Sequence[bytes], anchors: Sequence[bytes], time: dt.datetime
) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory(prefix="mailtap-chain-") as name:
        folder = Path(name)
        files = {"own": sent[:1], "sent": sent[1:], "anchors": anchors}
        for each, certificates in files.items():
            (folder / each).write_text("".join(map(pem, certificates)))
        trusted = ("-CAfile", "anchors") if anchors else ("-no-CAfile",)
        untrusted = ("-untrusted", "sent") if len(sent) > 1 else ()
        done = subprocess.run(
            [
                *("openssl", "verify", "-purpose", "sslserver", "-partial_chain"),
                *("-attime", str(int(time.timestamp())), "-no-CApath", "-no-CAstore"),
                *trusted,
                *untrusted,
                "own",
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    return done.stdout + done.stderr, done.returncode == 0


@functools.cache
def _is_readable(certificate: bytes) -> bool:
    command = ["openssl", "x509", "-noout", "-inform", "DER"]
    done = subprocess.run(command, input=certificate, capture_output=True, check=False)
    return done.returncode == 0


def pem(certificate: bytes) -> str:
    encoded = base64.encodebytes(certificate).decode()
    return f"-----BEGIN CERTIFICATE-----\n{encoded}-----END CERTIFICATE-----\n"
