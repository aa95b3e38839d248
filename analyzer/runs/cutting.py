"""Packets of chosen sessions, from captures into one capture of their own.

The captures are read twice: once to find which packets these are, as a fragment is
known to be one of them only when the last has come; and once to copy them, each as its
capture holds it. Memory: a bit for each packet, and some for each session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from analyzer.runs.secrets import TLS_KEY_LOG, client_randoms, secrets_of
from analyzer.sessions.identity import ends_of
from analyzer.tables.table import as_rows
from captures import CaptureError, Decoder, open_captures, split_frame_id
from captures.batch import frame_id
from captures.files.frame_set import FrameSet
from captures.files.pcapng_writer import PcapngWriter
from captures.files.raw_records import CHANGED, RawRecords
from captures.tcp.membership import KnownConnection, Membership

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import BinaryIO

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from analyzer.runs.pipeline import OnProgress
    from captures import MergedCaptures

_ENDS = ("client", "server")


def cut_sessions(
    captures: Sequence[str | os.PathLike[str]],
    sessions: pa.Table,
    chosen: Collection[str],
    file: BinaryIO,
    on_progress: OnProgress | None = None,
    *,
    with_secrets: bool = False,
) -> int:
    """Write the packets of sessions as pcapng, in the order of their times.

    Args:
        captures: those in which the sessions were found.
        sessions: the table `sessions`, with all that were found.
        chosen: IDs of those that are wanted.
        file: takes the bytes.
        on_progress: called after each batch of the first reading.
        with_secrets: write those of TLS, too, that captures bring along for these
            sessions, and no others.

    Returns:
        How many packets these are.

    Raises:
        CaptureError: a capture is not what it was, or only tshark can read it.
    """
    wanted = FrameSet()
    randoms: set[bytes] = set()
    with open_captures(captures) as batches:
        membership = Membership(_known(sessions, chosen, batches.names))
        decoder = Decoder(membership.segment_filter)
        for batch in batches:
            found = membership.find(decoder.decode(batch))
            wanted.add(decoder.frames_of(found))
            if with_secrets:
                randoms.update(client_randoms(found))
            if on_progress is not None:
                on_progress(batch.position, batches.size)
    if membership.not_found:
        raise _changed(batches, [])
    copier = _Copier(captures, wanted.counts(), file)
    if with_secrets:
        for key_log in secrets_of(batches.secrets, randoms):
            copier.add_secrets(key_log)
    with open_captures(captures) as batches, copier:
        for batch in batches:
            rows = wanted.holds(batch.frame_ids)
            if rows.any():
                copier.copy(batch.frame_ids[rows], batch.time_ns[rows])
    if copier.missing:
        raise _changed(batches, copier.missing)
    return copier.packets


def _changed(batches: MergedCaptures, missing: Sequence[int]) -> CaptureError:
    """Say why packets did not come, of these captures if that is known."""
    for problem in batches.problems:
        return problem
    names = [batches.names[capture] for capture in missing] or batches.names
    name = names[0] if len(names) == 1 else f"one of {len(names):,} captures"
    return CaptureError(name, CHANGED, usable=True)


def _known(
    sessions: pa.Table, chosen: Collection[str], names: Sequence[str]
) -> Iterator[KnownConnection]:
    """Yield the chosen sessions, and all others between the same ends, in order."""
    places: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        places.setdefault(name, []).append(index)
    columns = ("session_id", "capture", "first_frame", "start", "end")
    ends = tuple(f"{end}_{part}" for end in _ENDS for part in ("ip", "port"))
    rows = as_rows(sessions.select([*columns, *ends]).sort_by("start"))
    wanted = {_ends_of(row) for row in rows if row["session_id"] in chosen}
    for row in rows:
        if _ends_of(row) in wanted:
            client, server = ends_of(row)
            first_frames = [
                frame_id(index, row["first_frame"])
                for index in places.get(row["capture"], ())
            ]
            is_wanted = row["session_id"] in chosen
            yield KnownConnection(client, server, first_frames, row["end"], is_wanted)


def _ends_of(row: Mapping[str, Any]) -> frozenset[tuple[str, int]]:
    return frozenset((row[f"{end}_ip"], row[f"{end}_port"]) for end in _ENDS)


class _Copier:
    """Copies packets of captures, each of which is opened when its first one comes.

    Args:
        captures: all of them.
        counts: how many packets of each will be copied, by its index.
        file: takes the bytes.

    Attributes:
        packets: how many were written.
    """

    def __init__(
        self,
        captures: Sequence[str | os.PathLike[str]],
        counts: dict[int, int],
        file: BinaryIO,
    ) -> None:
        self.packets = 0
        self._left = counts
        self._captures = captures
        self._writer = PcapngWriter(file)
        self._records: dict[int, RawRecords] = {}
        # numbers in the new capture
        self._interfaces: dict[tuple[int, int], int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for records in self._records.values():
            records.close()

    @property
    def missing(self) -> list[int]:
        """The captures of which packets did not come."""
        return [capture for capture, count in self._left.items() if count]

    def add_secrets(self, key_log: bytes) -> None:
        """Write a key log."""
        self._writer.add_secrets(TLS_KEY_LOG, key_log)

    def copy(
        self, frame_ids: npt.NDArray[np.int64], times_ns: npt.NDArray[np.int64]
    ) -> None:
        """Copy packets, which are given by their frame IDs and times."""
        rows = zip(frame_ids.tolist(), times_ns.tolist(), strict=True)
        for identifier, time_ns in rows:
            capture, number = split_frame_id(identifier)
            records = self._records.get(capture) or self._open(capture)
            interface, packet = records.packet(number, time_ns)
            key = capture, packet.interface
            place = self._interfaces.get(key)
            if place is None:
                place = self._writer.add_interface(interface)
                self._interfaces[key] = place
            self._writer.add_packet(place, packet)
            self.packets += 1
            self._left[capture] -= 1
            if not self._left[capture]:
                self._records.pop(capture).close()

    def _open(self, capture: int) -> RawRecords:
        records = self._records[capture] = RawRecords(self._captures[capture])
        return records
