from __future__ import annotations

import signal
import time

import pytest

from analyzer.cli import live
from analyzer.cli.live import _Signals
from tests.support.analyses import DEMO
from tests.support.replay import Replay


class Live(Replay):
    """Counts how often it is stopped."""

    def __init__(self) -> None:
        super().__init__(DEMO)
        self.stops = 0

    def stop(self) -> None:
        self.stops += 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_that_comes_twice_at_once_stops_once(number: signal.Signals) -> None:
    with _Signals() as signals:
        signals.live = live = Live()
        signal.raise_signal(number)
        signal.raise_signal(number)
    assert live.stops == 1


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_second_interrupt_ends_at_once(
    monkeypatch: pytest.MonkeyPatch, first: signal.Signals
) -> None:
    monkeypatch.setattr(live, "_ONE_SIGNAL_S", 0.01)
    with _Signals() as signals:
        signals.live = Live()
        signal.raise_signal(first)
        time.sleep(0.02)
        with pytest.raises(SystemExit) as ending:
            signal.raise_signal(signal.SIGINT)
    assert ending.value.code == 130


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_signal_before_anything_is_watched_ends_at_once(
    number: str, status: int
) -> None:
    with _Signals(), pytest.raises(SystemExit) as ending:
        signal.raise_signal(signal.Signals[number])
    assert ending.value.code == status


def test_signals_are_given_back() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _Signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
