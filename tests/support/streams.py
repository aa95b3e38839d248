"""What consumers were told, for tests of captured connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captures import End, Ending, Wanted

if TYPE_CHECKING:
    from captures import Connection


class Recorder:
    """A consumer that keeps all that it is told, by end.

    Args:
        read_until: stop reading behind so many data and gaps.
        unwanted_after: turn the connection down behind so many.
    """

    def __init__(
        self, *, read_until: int = 1 << 30, unwanted_after: int = 1 << 30
    ) -> None:
        self.wanted = Wanted.DATA
        self.told: list[tuple[End, bytes | int | None, int, int]] = []
        self.finished: set[End] = set()
        self.closed: Connection | None = None
        self.ending: Ending | None = None
        # memory that it is said to take, and how much of that can be let go
        self.held_bytes = self.spare_bytes = 0
        self.is_cut_short = False
        self._read_until = read_until
        self._unwanted_after = unwanted_after

    def receive_data(self, end: End, data: bytes, time_ns: int, frame: int) -> Wanted:
        """Keep data."""
        assert data
        return self._take(end, data, time_ns, frame)

    def receive_gap(self, end: End, length: int, time_ns: int, frame: int) -> Wanted:
        """Keep the length of a gap."""
        assert length > 0
        return self._take(end, length, time_ns, frame)

    def receive_eof(self, end: End, time_ns: int, frame: int) -> Wanted:
        """Keep the end of a stream, as `None`."""
        assert self.closed is None
        assert end not in self.finished
        self.finished.add(end)
        self.told.append((end, None, time_ns, frame))
        return self.wanted

    def streams_ended(self, connection: Connection) -> Wanted:
        """Keep how the connection ended."""
        assert self.closed is None
        assert self.ending in {None, Ending.REFUSED}
        assert self.finished == (set() if connection.is_refused else set(End))
        self.ending = connection.ending
        return self.wanted

    def close(self, connection: Connection) -> None:
        """Keep the connection."""
        assert self.ending in {None, Ending.REFUSED, connection.ending}
        assert self.closed is None
        assert self.finished == set(End)
        self.closed = connection

    @property
    def growth_bytes(self) -> int:
        """What is held now is taken for what was ever held."""
        return self.held_bytes

    def shrink(self) -> bool:
        """Hold what can't be let go."""
        is_less = self.spare_bytes > 0
        self.held_bytes -= self.spare_bytes
        self.spare_bytes = 0
        return is_less

    def cut_short(self) -> Wanted | None:
        """Read no more."""
        self.is_cut_short, self.wanted, self.held_bytes = True, Wanted.ENDS, 0
        return self.wanted

    def stream(self, end: End, gap: bytes = b"?") -> bytes:
        """All that an end sent, a gap as so many times `gap`."""
        parts = (what for who, what, *_ in self.told if who is end and what is not None)
        return b"".join(
            part if isinstance(part, bytes) else part * gap for part in parts
        )

    @property
    def said(self) -> list[tuple[int, bytes | int | None]]:
        """What was told, without times and frames; data in a row is joined."""
        joined: list[tuple[int, bytes | int | None]] = []
        for end, what, *_ in self.told:
            if joined and isinstance(what, bytes):
                last_end, last = joined[-1]
                if last_end == end and isinstance(last, bytes):
                    joined[-1] = (end, last + what)
                    continue
            joined.append((int(end), what))
        return joined

    def _take(self, end: End, what: bytes | int, time_ns: int, frame: int) -> Wanted:
        assert self.wanted is Wanted.DATA
        assert self.closed is None
        assert end not in self.finished
        self.told.append((end, what, time_ns, frame))
        self.held_bytes += len(what) if isinstance(what, bytes) else 0
        count = len(self.told)
        if count >= self._unwanted_after:
            self.wanted = Wanted.NOTHING
        elif count >= self._read_until:
            self.wanted = Wanted.ENDS
        return self.wanted
