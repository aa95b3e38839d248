from __future__ import annotations

import hashlib
import sys
import zlib

from analyzer.sessions.memory import held_bytes


class Thing:
    def __init__(self, *held: object) -> None:
        self.held = held


def test_what_objects_refer_to_is_measured() -> None:
    text = "x" * 10_000
    assert 10_000 < held_bytes([Thing([{"a": Thing(text)}])]) < 13_000


def test_same_object_counts_once() -> None:
    data = bytes(10_000)
    assert held_bytes([Thing(data, data)]) < 12_000


def test_reference_cycle_is_measured() -> None:
    thing = Thing()
    thing.held = (thing, bytes(10_000))
    assert 10_000 < held_bytes([thing]) < 13_000


def test_room_that_a_buffer_keeps_counts() -> None:
    buffer = bytearray(10_000)
    del buffer[:9_000]
    assert held_bytes([Thing(buffer)]) > sys.getsizeof(buffer)


def test_what_is_shared_does_not_count() -> None:
    shared = bytes(10_000)
    assert held_bytes([Thing(shared)], [shared]) < 1_000
    assert held_bytes([Thing(Thing, sys, held_bytes)]) < 1_000


def test_memory_of_c_libraries_counts() -> None:
    assert held_bytes([zlib.decompressobj()]) > 1 << zlib.MAX_WBITS
    assert held_bytes([hashlib.sha256()]) > 500
