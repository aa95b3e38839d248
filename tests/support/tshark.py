"""What tshark makes of a capture, field by field."""

from __future__ import annotations

import re
import subprocess
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from captures import open_capture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Endpoint = tuple[str, int]
Packet = dict[str, list[str]]

# ports of the test captures that tshark does not know
DECODE_AS = ("24,smtp", "2525,smtp", "2526,smtp", "10025,smtp", "10143,imap")
# what separates the values of a field that a packet has several times
UNIT = "\x1f"


def decode(path: Path, fields: tuple[str, ...]) -> deque[Packet]:
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
    return deque(
        {
            name: value.split(UNIT) if value else []
            for name, value in zip(fields, line.split("\t"), strict=True)
        }
        for line in output.split("\n")[:-1]
    )


def decode_each(
    paths: Mapping[str, Path], fields: tuple[str, ...]
) -> dict[str, list[Packet]]:
    """The same of several captures, by a single tshark, which is slow to start.

    No two connections of them may have the same ends, as tshark numbers them through.
    """
    with TemporaryDirectory() as folder:
        together = Path(folder, "all.pcapng")
        subprocess.run(["mergecap", "-a", "-w", together, *paths.values()], check=True)
        packets = decode(together, ("frame.number", *fields))
    found: dict[str, list[Packet]] = {name: [] for name in paths}
    first = 1
    for name, path in paths.items():
        with open_capture(path) as batches:
            last = first + sum(map(len, batches))
        while packets and int(packets[0]["frame.number"][0]) < last:
            packet = packets.popleft()
            packet["frame.number"] = [str(int(packet["frame.number"][0]) - first + 1)]
            found[name].append(packet)
        first = last
    assert not packets
    return found


class Followed(NamedTuple):
    """What tshark says was said on a connection: by address and port of who sent it."""

    sent: dict[Endpoint, bytes]


def follow(paths: Sequence[Path], keys: Sequence[Path], layer: str) -> list[Followed]:
    """Follow all connections of captures, one after the other.

    Args:
        paths: the captures.
        keys: key logs by which their TLS is decrypted.
        layer: "tcp", or "tls" for what was decrypted.
    """
    with TemporaryDirectory() as folder:
        together, key_log = f"{folder}/all.pcapng", Path(folder, "all.keys")
        key_log.write_bytes(b"".join(path.read_bytes() for path in keys))
        subprocess.run(["mergecap", "-a", "-w", together, *map(str, paths)], check=True)
        reading = ("tshark", "-n", "-r", together, "-o", f"tls.keylog_file:{key_log}")
        streams = _output([*reading, "-T", "fields", "-e", "tcp.stream"]).split()
        taps = [
            part
            for number in range(max(map(int, streams)) + 1)
            for part in ("-z", f"follow,{layer},raw,{number}")
        ]
        shown = _output([*reading, "-q", *taps])
    blocks = re.split(r"^Filter: tcp.stream eq ", shown, flags=re.MULTILINE)[1:]
    numbered = sorted(
        (int(number), said) for number, _, said in map(_first_line, blocks)
    )
    return [found for _, said in numbered if (found := _followed(said)) is not None]


def _first_line(text: str) -> tuple[str, str, str]:
    return text.partition("\n")


def _output(command: Sequence[str]) -> str:
    return subprocess.run(
        command, capture_output=True, check=True, text=True, timeout=60
    ).stdout


def _followed(block: str) -> Followed | None:
    nodes = re.findall(r"^Node \d: \[?([^\s\]]*)\]?:(\d+)$", block, re.MULTILINE)
    first, second = ((address, int(port)) for address, port in nodes)
    if not first[0]:
        return None
    sent = {
        end: b"".join(
            map(bytes.fromhex, re.findall(f"^{tab}([0-9a-f]+)$", block, re.MULTILINE))
        )
        for end, tab in ((first, ""), (second, "\t"))
    }
    return Followed(sent)
