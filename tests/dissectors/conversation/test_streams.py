from __future__ import annotations

from dissectors.conversation.streams import Mode, Stream


def test_unread_lines_are_held_before_what_comes_later() -> None:
    stream = Stream(100)
    stream.mode = Mode.LINES
    stream.data += b"ab"
    stream.hold_unread()
    stream.hold(b"cd", 1, 1)

    assert (bytes(stream.held), bytes(stream.data)) == (b"abcd", b"")
    assert (stream.offset, stream.end) == (0, 4)
    assert stream.mode is Mode.UNDECIDED


def test_side_that_speaks_tls_goes_on_with_it() -> None:
    stream = Stream(100)
    stream.mode = Mode.TLS
    stream.hold_unread()

    assert stream.mode is Mode.TLS


def test_line_is_released_of_what_was_held() -> None:
    stream = Stream(100)
    stream.hold(b"a\r\nb", 5, 6)
    stream.release(3)

    assert stream.take_line() == b"a"
    assert bytes(stream.held) == b"b"
    assert stream.end == 4


def test_held_bytes_know_which_packet_brought_them() -> None:
    stream = Stream(100)
    stream.hold(b"ab", 5, 6)
    stream.hold(b"cd", 7, 8)

    assert stream.place_of(1) == (1, 5, 6)
    assert stream.place_of(2) == (2, 7, 8)
