from __future__ import annotations

import gzip
import lzma
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from backports import zstd

from captures import CaptureError, open_capture
from captures.files import compression as compression_module
from captures.files.byte_streams import StreamError
from captures.files.compression import DecompressedStream, recognise_compression
from tests.support.captures import (
    packet,
    packets,
    pcap,
    pcapng,
    read,
    read_until_damage,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Compress = Callable[[bytes], bytes]

MANY = packets(500)
COMPRESS: dict[str, Compress] = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}


class Pieces:
    """A stream of given pieces, one for each read."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.consumed = 0
        self.is_closed = False

    def read(self, limit: int) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        assert len(piece) <= limit
        self.consumed += len(piece)
        return piece

    def is_ready(self, timeout_s: float) -> bool:
        return bool(self.pieces)

    def close(self) -> None:
        self.is_closed = True


def decompress(*pieces: bytes) -> bytes:
    compression = recognise_compression(b"".join(pieces))
    assert compression is not None
    stream = DecompressedStream(Pieces(*pieces), compression)
    content = b""
    while data := stream.read(1000):
        content += data
    return content


@pytest.fixture(params=COMPRESS)
def compress(request: pytest.FixtureRequest) -> Compress:
    return COMPRESS[request.param]


def test_compressed_captures_are_read_whatever_their_name(
    tmp_path: Path, compress: Compress
) -> None:
    path = tmp_path / "capture.txt"
    for content in (pcap(MANY), pcapng(MANY)):
        path.write_bytes(compress(content))
        assert read(path) == MANY


def test_position_and_size_are_those_of_the_compressed_file(
    tmp_path: Path, compress: Compress
) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(pcap(MANY)))
    with open_capture(path) as reader:
        *_, last = reader
    assert reader.size == last.position == path.stat().st_size


def test_members_are_one_capture(tmp_path: Path, compress: Compress) -> None:
    path = tmp_path / "a"
    content = pcap(MANY)
    pieces = [content[i : i + 1000] for i in range(0, len(content), 1000)]
    path.write_bytes(b"".join(compress(each) for each in [*pieces, b""]))
    assert read(path) == MANY


def test_content_is_the_same_for_input_byte_by_byte(compress: Compress) -> None:
    packed = compress(b"first" * 1000) + compress(b"second") + bytes(8)
    pieces = [packed[i : i + 1] for i in range(len(packed))]
    assert decompress(*pieces) == b"first" * 1000 + b"second"


def test_zeros_after_the_last_member_are_padding(
    tmp_path: Path, compress: Compress
) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(pcap(MANY)) + bytes(10_000))
    assert read(path) == MANY


def test_skippable_frames_are_skipped() -> None:
    skippable = b"\x53\x2a\x4d\x18\x04\0\0\0abcd"
    packed = skippable + zstd.compress(b"content") + skippable
    assert decompress(packed) == b"content"


def test_garbage_is_reported_after_the_packets_before(
    tmp_path: Path, compress: Compress
) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(pcap(MANY)) + b"\0garbage")
    found, error = read_until_damage(path)
    assert found == MANY
    assert error.offset == len(pcap(MANY))
    assert "something else follows" in error.reason


def test_cut_is_reported_after_the_packets_before(
    tmp_path: Path, compress: Compress
) -> None:
    path = tmp_path / "a"
    content = pcap(packets(20_000))
    # the first member is whole, whatever the block size of the compression
    path.write_bytes(compress(pcap(MANY)) + compress(content[24:])[:-50])
    found, error = read_until_damage(path)
    assert found[: len(MANY)] == MANY
    assert error.usable
    assert "cut" in error.reason


def test_gzip_content_before_the_damage_is_read_to_the_last_byte(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    packed = gzip.compress(pcap(MANY))
    path.write_bytes(packed[:-8] + b"\xff" * 8)
    found, error = read_until_damage(path)
    assert found == MANY
    assert error.offset == len(pcap(MANY))
    assert "damaged" in error.reason


def test_gzip_content_is_read_up_to_damage_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "a"
    compressor = zlib.compressobj(wbits=31)
    packed = compressor.compress(pcap(MANY)) + compressor.flush(zlib.Z_FULL_FLUSH)
    # a block of a type that does not exist
    path.write_bytes(packed + b"\xff" * 1000)
    found, error = read_until_damage(path)
    assert found == MANY
    assert error.usable


def test_gzip_content_without_damage_is_inflated_to_its_end() -> None:
    packed = gzip.compress(b"content")
    inflater = zlib.decompressobj(wbits=31)
    assert compression_module._inflate_until_damage(inflater, packed) == b"content"


@pytest.mark.parametrize("name", ["xz", "zstd"])
def test_damage_is_reported_after_earlier_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a"
    compress = COMPRESS[name]
    first = compress(pcap(MANY))
    second = bytearray(compress(pcap(packets(2000))[24:]))
    second[20:60] = b"\xff" * 40
    # what one step of the decompression gives may be lost
    path.write_bytes(first + compress(b"")[:0] + bytes(8192) + second)
    found, error = read_until_damage(path)
    assert found[: len(MANY)] == MANY
    assert "damaged" in error.reason


def test_nothing_compressed_is_no_capture(tmp_path: Path, compress: Compress) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(b""))
    with pytest.raises(CaptureError, match="nothing in the compressed file") as caught:
        open_capture(path)
    assert not caught.value.usable


def test_compressed_text_is_no_capture(tmp_path: Path, compress: Compress) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(b"Subject: not a capture\r\n" * 5))
    with pytest.raises(CaptureError, match="this is text"):
        open_capture(path)


def test_damage_at_the_beginning_is_reported_when_opened(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(pcap(MANY))[:11])
    with pytest.raises(CaptureError, match="ends early"):
        open_capture(path)


def test_well_packed_content_is_read_in_little_memory(
    tmp_path: Path, compress: Compress
) -> None:
    path = tmp_path / "a"
    path.write_bytes(compress(pcap([packet(0, bytes(100_000))] * 600)))
    tracemalloc.start()
    with open_capture(path, max_bytes=256 * 1024) as reader:
        count = sum(len(batch) for batch in reader)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 600
    assert peak < 16 * 1024 * 1024


def test_stream_is_ready_when_there_is_output() -> None:
    packed = gzip.compress(b"x" * 5000)
    compression = recognise_compression(packed)
    assert compression is not None
    source = Pieces(packed[:10], packed[10:])
    stream = DecompressedStream(source, compression)
    assert stream.is_ready(0)
    assert stream.read(4000) == b"x" * 4000
    assert stream.is_ready(0)
    assert stream.read(4000) == b"x" * 1000
    assert stream.consumed == len(packed)


def test_stream_is_not_ready_while_its_input_waits() -> None:
    packed = gzip.compress(b"content")
    compression = recognise_compression(packed)
    assert compression is not None
    stream = DecompressedStream(Pieces(packed[:10]), compression)
    assert not stream.is_ready(0)
    with pytest.raises(StreamError, match="gzip data ends early"):
        stream.read(1)


def test_closing_closes_the_input() -> None:
    packed = gzip.compress(b"content")
    compression = recognise_compression(packed)
    assert compression is not None
    source = Pieces(packed)
    DecompressedStream(source, compression).close()
    assert source.is_closed


@pytest.mark.parametrize("head", [b"", b"\x1f\x8b", pcap([]), b"PK\x03\x04"])
def test_other_files_are_not_recognised(head: bytes) -> None:
    assert recognise_compression(head) is None
