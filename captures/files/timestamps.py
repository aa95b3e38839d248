"""Timestamps of any resolution as int64 nanoseconds.

Exact: nothing is rounded but what is finer than a nanosecond, which is cut off.
What an int64 can't hold becomes the nearest value that it can.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NS_PER_SECOND = 1_000_000_000
MAX_TIME_NS = 2**63 - 1
# The smallest int64 stands for "no time" in numpy and pandas.
MIN_TIME_NS = -MAX_TIME_NS

_BASE_2 = 0x80

Ticks = npt.NDArray[np.uint64]
Times = npt.NDArray[np.int64]


def to_nanoseconds(ticks: Ticks, resolution: int) -> Times:
    """Convert ticks since the epoch.

    Args:
        ticks: (n,) uint64.
        resolution: `if_tsresol` of draft-ietf-opsawg-pcapng §4.2: a tick is
            10^-resolution seconds, or with the highest bit set 2^-resolution.
    """
    if resolution & _BASE_2:
        return _from_powers_of_two(ticks, resolution & ~_BASE_2)
    if resolution <= 9:
        return _multiply(ticks, 10 ** (9 - resolution))
    if resolution >= 9 + 20:
        # 2^64 ticks are less than a nanosecond
        return np.zeros(len(ticks), np.int64)
    return (ticks // np.uint64(10 ** (resolution - 9))).astype(np.int64)


def to_ticks(time_ns: int, resolution: int, offset_s: int) -> int:
    """Return a time in ticks, those of `to_nanoseconds`; what is finer is 0.

    Args:
        time_ns: nanoseconds since the epoch.
        resolution: `if_tsresol`.
        offset_s: `if_tsoffset`, seconds that the ticks leave out.
    """
    since_ns = max(time_ns - offset_s * NS_PER_SECOND, 0)
    if resolution & _BASE_2:
        return (since_ns << (resolution & ~_BASE_2)) // NS_PER_SECOND
    return int(since_ns * 10**resolution // NS_PER_SECOND)


def shift(times: Times, offset_s: npt.NDArray[np.int64]) -> Times:
    """Add whole seconds to nanoseconds.

    Args:
        times: (n,) int64, nanoseconds.
        offset_s: (n,) int64, seconds.
    """
    limit = MAX_TIME_NS // NS_PER_SECOND
    offset = np.clip(offset_s, -limit, limit) * NS_PER_SECOND
    room_above = MAX_TIME_NS - np.maximum(offset, 0)
    room_below = MIN_TIME_NS - np.minimum(offset, 0)
    return np.clip(times, room_below, room_above) + offset


def _multiply(ticks: Ticks, factor: int) -> Times:
    limit = np.uint64(MAX_TIME_NS // factor)
    product = np.minimum(ticks, limit) * np.uint64(factor)
    return np.where(ticks > limit, MAX_TIME_NS, product.astype(np.int64))


def _from_powers_of_two(ticks: Ticks, exponent: int) -> Times:
    """Convert seconds and fraction apart, as their product has up to 94 bits."""
    bits = np.uint64(exponent)
    # a shift by 64 or more gives 0
    seconds = ticks >> bits
    fraction = ticks - (seconds << bits)
    if exponent <= 32:
        nanoseconds = fraction * np.uint64(NS_PER_SECOND) >> bits
    else:
        # long multiplication by 32-bit digits; the lowest digit is cut off
        high, low = fraction >> np.uint64(32), fraction & np.uint64(0xFFFF_FFFF)
        factor = np.uint64(NS_PER_SECOND)
        product = high * factor + (low * factor >> np.uint64(32))
        nanoseconds = product >> (bits - np.uint64(32))
    whole = _multiply(seconds, NS_PER_SECOND)
    return whole + np.minimum(nanoseconds.astype(np.int64), MAX_TIME_NS - whole)
