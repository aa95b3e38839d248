"""What tshark makes of a capture, field by field."""

from __future__ import annotations

import functools
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Packet = dict[str, list[str]]

# ports of the test captures that tshark does not know
DECODE_AS = ("24,smtp", "2525,smtp", "2526,smtp", "10025,smtp", "10143,imap")
# what separates the values of a field that a packet has several times
UNIT = "\x1f"


@functools.cache
def decode(path: Path, fields: tuple[str, ...]) -> list[Packet]:
    """The packets with payload; segments that overtook others are put in order."""
    decode_as = [part for each in DECODE_AS for part in ("-d", f"tcp.port=={each}")]
    wanted = [part for each in fields for part in ("-e", each)]
    output = subprocess.run(
        [
            *("tshark", "-n", "-r", str(path), "-Y", "tcp.len > 0", *decode_as),
            *("-o", "tcp.reassemble_out_of_order:TRUE"),
            *("-T", "fields", "-E", f"aggregator={UNIT}", *wanted),
        ],
        capture_output=True,
        check=True,
        text=True,
        errors="backslashreplace",
        timeout=60,
    ).stdout
    return [
        {
            name: value.split(UNIT) if value else []
            for name, value in zip(fields, line.split("\t"), strict=True)
        }
        for line in output.split("\n")[:-1]
    ]
