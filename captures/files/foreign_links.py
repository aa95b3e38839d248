"""Packets of link types that mailtap doesn't know, but tshark may.

tshark reads the capture alongside, from its first packet on, as soon as there is such
a packet. What it makes of those takes their place; all others stay as they are.

Cost: about 0.1 ms per packet of the capture, once there is one that needs it.
Memory: a batch of tshark's, besides the packets of a batch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from captures.batch import PacketBatch
from captures.errors import CaptureError
from captures.files.reader import CaptureReader, RecordReader
from captures.link_types import UNKNOWN_LINK_TYPE
from captures.packets.encapsulations import IS_READ
from captures.packets.kinds import LINK_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy.typing as npt

    from captures.files.record_walk import RecordFormat
    from captures.files.source import Source

_IS_KNOWN = IS_READ[LINK_TYPES : LINK_TYPES + 0x1_0000]


def is_known(link_type: int) -> bool:
    """Return whether mailtap itself reads packets of a link type."""
    return bool(_IS_KNOWN[link_type])


class ForeignLinks:
    """Has tshark read packets of one capture.

    Args:
        open_with_tshark: opens the capture; may raise a `CaptureError`.

    Attributes:
        is_used: whether tshark read any of the capture.
    """

    def __init__(self, open_with_tshark: Callable[[], CaptureReader]) -> None:
        self.is_used = False
        self._open = open_with_tshark
        self._reader: CaptureReader | None = None
        self._is_over = False
        self._batch: PacketBatch | None = None
        # how many packets came before those of `_batch`
        self._before = 0
        # link type -> whether tshark ever found a packet in one of this type
        self._found: dict[int, bool] = {}

    def translate(self, batch: PacketBatch) -> PacketBatch:
        """Replace packets of unknown link types by what tshark makes of them.

        Args:
            batch: the next packets of the capture, numbered from 1 on.
        """
        rows = np.flatnonzero(~_IS_KNOWN[batch.link_type])
        if not len(rows) or self._is_over:
            return batch
        at = 0
        parts: list[tuple[npt.NDArray[np.intp], PacketBatch]] = []
        while at < len(rows):
            index = batch.frame[rows[at:]] - 1 - self._before
            count = int(np.searchsorted(index, len(self._batch or ())))
            if self._batch is not None and count:
                parts.append((rows[at : at + count], self._batch.take(index[:count])))
                at += count
            elif not self._advance():
                break
        for replaced, others in parts:
            self._note(batch.link_type[replaced], others.link_type)
        return _replace_packets(batch, parts)

    def problem(self) -> str | None:
        """Return what is wrong with the capture, once all was read."""
        lost = sorted(
            number for number, is_found in self._found.items() if not is_found
        )
        if not lost:
            return None
        numbers = ", ".join(map(str, lost))
        return f"neither mailtap nor tshark finds IP in packets of link type {numbers}"

    def close(self) -> None:
        """End tshark; batches that were read stay valid."""
        self._is_over = True
        self._batch = None
        if self._reader:
            self._reader.close()
            self._reader = None

    def _advance(self) -> bool:
        self._before += len(self._batch or ())
        try:
            if self._reader is None:
                self._reader = self._open()
            self._batch = next(self._reader, None)
        except CaptureError:
            # there is no tshark, or it doesn't know the link type either
            self._batch = None
        if self._batch is None:
            self.close()
            return False
        self.is_used = True
        return True

    def _note(
        self, link_type: npt.NDArray[np.uint16], translated: npt.NDArray[np.uint16]
    ) -> None:
        for number in np.unique(link_type).tolist():
            is_found = bool(
                (translated[link_type == number] != UNKNOWN_LINK_TYPE).any()
            )
            self._found[number] = self._found.get(number, False) or is_found


class TranslatedReader(RecordReader):
    """A capture of which tshark reads the packets that mailtap can't."""

    def __init__(
        self,
        name: str,
        source: Source,
        record_format: RecordFormat,
        foreign_links: ForeignLinks,
        size: int,
        max_packets: int,
    ) -> None:
        super().__init__(
            name, source, record_format, size=size, max_packets=max_packets
        )
        self._foreign_links = foreign_links

    def close(self) -> None:
        """Close the capture; batches that were read stay valid."""
        super().close()
        self._foreign_links.close()

    def _read(self) -> Generator[PacketBatch]:
        for batch in super()._read():
            translated = self._foreign_links.translate(batch)
            if self._foreign_links.is_used:
                self.note = (
                    f"{self.name}: read through tshark, too, as mailtap itself doesn't "
                    "know all its link types; that is slower"
                )
            yield translated
        if problem := self._foreign_links.problem():
            raise CaptureError(self.name, problem, usable=True)


def _replace_packets(
    batch: PacketBatch, parts: list[tuple[npt.NDArray[np.intp], PacketBatch]]
) -> PacketBatch:
    """Return a batch with some packets replaced, in a buffer of its own."""
    if not parts:
        return batch
    together = PacketBatch.concat([batch, *(others for _, others in parts)])
    chosen = np.arange(len(batch))
    replaced = np.concatenate([rows for rows, _ in parts])
    chosen[replaced] = np.arange(len(batch), len(together))
    return replace(
        together.take(chosen),
        capture=batch.capture,
        time_ns=batch.time_ns,
        frame=batch.frame,
        mistimed=batch.mistimed,
    )
