from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.files.pcap import Pcap
from captures.files.pcapng import Pcapng
from captures.files.record_walk import first_failure, gather, unaligned
from tests.support.captures import (
    block,
    enhanced_packet,
    interface,
    packet,
    packets,
    pcap,
    pcapng,
    record,
    section,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    from captures.files.record_walk import RecordFormat

MANY = packets(4000, size=900)


def as_array(content: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)


def pcap_format(content: bytes) -> Pcap:
    recognised = Pcap.recognise(content)
    assert recognised is not None
    return recognised


def count_plain_steps(
    record_format: RecordFormat, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Collect how many records each plain walk finds."""
    steps: list[int] = []
    walk_plainly = record_format.walk_plainly

    def counting(
        data: npt.NDArray[np.uint8], start: int, stop: int
    ) -> tuple[list[int], int]:
        positions, end = walk_plainly(data, start, stop)
        steps.append(len(positions))
        return positions, end

    monkeypatch.setattr(record_format, "walk_plainly", counting)
    return steps


@pytest.mark.parametrize("order", ["<", ">"])
def test_pieces_are_walked_in_lockstep_when_guesses_hold(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pcap(MANY, order=order)
    record_format = pcap_format(content)
    expected, _ = record_format.walk_plainly(as_array(content), 24, len(content))
    steps = count_plain_steps(record_format, monkeypatch)
    positions, end = record_format.walk(as_array(content), 24, len(content))
    assert positions.tolist() == expected
    assert end == len(content)
    assert sum(steps) < len(MANY) / 4


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_blocks_are_walked_in_lockstep(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pcapng(MANY, order=order)
    record_format = Pcapng()
    steps = count_plain_steps(record_format, monkeypatch)
    scan = record_format.scan(as_array(content), 0, len(content))
    assert len(scan.packets) == len(MANY)
    assert scan.end == len(content)
    assert sum(steps) < len(MANY) / 4


def test_stretch_without_guess_is_left_to_the_piece_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # years later, so that no boundary there is guessed
    later = [each._replace(time_ns=each.time_ns + 10**17) for each in MANY[:500]]
    content = pcap([*MANY, *later, *MANY])
    record_format = pcap_format(content)
    expected, _ = record_format.walk_plainly(as_array(content), 24, len(content))
    steps = count_plain_steps(record_format, monkeypatch)
    positions, end = record_format.walk(as_array(content), 24, len(content))
    assert positions.tolist() == expected
    assert end == len(content)
    assert sum(steps) < len(MANY)


def test_capture_inside_packets_does_not_mislead_the_walk() -> None:
    # each packet carries records that look like those of the capture
    inner = b"".join(record(each) for each in packets(60, size=5))
    content = pcap(each._replace(data=inner) for each in packets(4000))
    record_format = pcap_format(content)
    expected, _ = record_format.walk_plainly(as_array(content), 24, len(content))
    positions, end = record_format.walk(as_array(content), 24, len(content))
    assert positions.tolist() == expected
    assert end == len(content)
    assert len(expected) == 4000


@pytest.mark.parametrize("shift", [4, -4])
def test_guess_that_is_missed_is_not_used(
    shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pcap(MANY)
    record_format = pcap_format(content)
    expected, _ = record_format.walk_plainly(as_array(content), 24, len(content))
    guess = record_format._guess

    def guess_wrong(*arguments: Any) -> Any:
        guesses = guess(*arguments)
        guesses[5] += shift
        return guesses

    monkeypatch.setattr(record_format, "_guess", guess_wrong)
    positions, end = record_format.walk(as_array(content), 24, len(content))
    assert positions.tolist() == expected
    assert end == len(content)


def test_guess_that_is_missed_by_the_last_walk_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the last pieces have so many records that they are walked plainly at last
    content = pcap([*MANY, *packets(20_000, size=5)])
    record_format = pcap_format(content)
    expected, _ = record_format.walk_plainly(as_array(content), 24, len(content))
    guess = record_format._guess

    def guess_wrong(*arguments: Any) -> Any:
        guesses = guess(*arguments)
        guesses[-1] += 4
        return guesses

    monkeypatch.setattr(record_format, "_guess", guess_wrong)
    positions, end = record_format.walk(as_array(content), 24, len(content))
    assert positions.tolist() == expected
    assert end == len(content)


def test_window_that_misled_is_not_guessed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The length of this section header is the same in both byte orders, so that
    # the walk of the pieces passes over it.
    odd = bytearray(block(">", 0x0A0D0D0A, bytes(65_792 - 12)))
    struct.pack_into(">IHHq", odd, 8, 0x1A2B3C4D, 1, 0, -1)
    rest = b"".join(enhanced_packet("<", each) for each in MANY)
    data = as_array(pcapng(MANY) + odd + rest)
    attempts = []
    record_format = Pcapng()
    walk_pieces = record_format._walk_pieces

    def counting(*arguments: Any) -> Any:
        attempts.append(arguments)
        return walk_pieces(*arguments)

    monkeypatch.setattr(record_format, "_walk_pieces", counting)
    positions, end = record_format.walk(data, 0, len(data))
    assert end == len(pcapng(MANY))
    assert len(positions) == 2 + len(MANY)
    assert len(attempts) == 1

    positions, end = record_format.walk(data, end + len(odd), len(data))
    assert end == len(data)
    assert len(positions) == len(MANY)
    assert len(attempts) == 1


def test_last_pieces_are_walked_plainly_when_few_are_left() -> None:
    # one piece has ten times as many records as the others
    small = packets(8000, size=20)
    large = packets(4000, size=900)
    content = pcap([*large, *small, *large])
    record_format = pcap_format(content)
    expected, _ = record_format.walk_plainly(as_array(content), 24, len(content))
    positions, end = record_format.walk(as_array(content), 24, len(content))
    assert positions.tolist() == expected
    assert end == len(content)


def test_walk_ends_before_a_record_that_is_not_complete() -> None:
    content = pcap(MANY)
    positions, end = pcap_format(content).walk(
        as_array(content[:-1]), 24, len(content) - 1
    )
    assert len(positions) == len(MANY) - 1
    assert end == len(content) - 16 - len(MANY[-1].data)


def test_walk_stops_at_first_record_from_stop_on() -> None:
    content = pcap(packets(10, size=100))
    positions, end = pcap_format(content).walk(as_array(content), 24, 25)
    assert positions.tolist() == [24]
    assert end == 24 + 116


def test_zero_length_in_pcapng_ends_the_walk() -> None:
    blocks = [enhanced_packet("<", each) for each in MANY]
    blocks[2000] = struct.pack("<II", 6, 0) + bytes(1000)
    content = section() + interface() + b"".join(blocks)
    scan = Pcapng().scan(as_array(content), 0, len(content))
    assert len(scan.packets) == 2000
    assert scan.damage is not None


@given(st.binary(max_size=400))
def test_any_bytes_are_walked_without_failure(content: bytes) -> None:
    data = as_array(pcap([packet(0, b"first")]) + content)
    scan = pcap_format(data.tobytes()).scan(data, 24, len(data))
    assert 24 <= scan.end <= len(data)


@given(st.binary(max_size=400))
def test_any_blocks_are_walked_without_failure(content: bytes) -> None:
    data = as_array(section() + interface() + content)
    scan = Pcapng().scan(data, 0, len(data))
    assert 48 <= scan.end <= len(data)


def test_values_are_viewed_at_any_byte() -> None:
    words = unaligned(as_array(b"\x01\0\0\0\x02"), ">u4")
    assert words.tolist() == [0x01000000, 0x00000002]


def test_too_few_bytes_hold_no_value() -> None:
    assert len(unaligned(as_array(b"abc"), "<u4")) == 0


def test_structured_values_are_gathered() -> None:
    wire = np.dtype([("first", ">u2"), ("second", "u1")])
    values = gather(as_array(b"\0\x01\x02\x03\x04"), wire, np.array([2, 0]))
    assert values["first"].tolist() == [0x0203, 0x0001]
    assert values["second"].tolist() == [4, 2]


def test_first_of_several_failures_is_found() -> None:
    late, early = np.array([False, False, True]), np.array([False, True, True])
    assert first_failure((late, "late"), (early, "early")) == (1, "early")
    assert first_failure((early, "one"), (early, "other")) == (1, "one")
    assert first_failure((np.zeros(3, np.bool_), "none")) is None
