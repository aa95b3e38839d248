from __future__ import annotations

import pytest

from dissectors.events import Side
from dissectors.limits import DEFAULT_LIMITS
from dissectors.tls.decryption.record_protection import NotAuthenticError, OpenedRecord
from dissectors.tls.flow import TRANSITIONS, Change, Epoch, FlowState, Sync, TlsFlow


class Keys:
    """Opens what it is told to, and notes what it passed over."""

    def __init__(self, *, fit: bool = True) -> None:
        self.fit = fit
        self.skipped: list[bytes] = []

    def open(self, header: bytes, body: bytes) -> OpenedRecord:
        if not self.fit:
            raise NotAuthenticError
        return OpenedRecord(23, body)

    def skip(self, tail: bytes) -> None:
        self.skipped.append(tail)


def flow() -> TlsFlow:
    return TlsFlow(Side.CLIENT, DEFAULT_LIMITS, 0)


@pytest.mark.parametrize("change", Change)
def test_no_flow_goes_back_to_an_earlier_state(change: Change) -> None:
    order = list(FlowState)

    transitions = TRANSITIONS[change]

    assert list(transitions) == order
    for before, after in transitions.items():
        assert order.index(after) >= order.index(before)
        assert transitions[after] is after


def test_keys_are_used_one_after_the_other() -> None:
    it = flow()
    it.protect([Keys(fit=False), Keys()])
    assert it.state is FlowState.PROTECTED
    with pytest.raises(NotAuthenticError):
        it.open(b"data")

    assert it.advance()
    assert it.open(b"data") == (23, b"data")
    assert not it.advance()


def test_opaque_flow_stays_so_whatever_keys_come() -> None:
    it = flow()
    it.go_opaque()

    it.protect([Keys()])
    it.begin_record(23)

    assert it.state is FlowState.OPAQUE
    assert not it.has_protected_record


def test_early_data_ends_with_the_keys_for_it() -> None:
    it = flow()
    it.protect_early_data(Keys())
    it.protect_tls_1_3([Keys()])
    epochs = [it.epoch]

    assert it.advance()

    assert [*epochs, it.epoch] == [Epoch.EARLY_DATA, Epoch.TLS_1_3]


def test_new_keys_are_untried_unless_bytes_were_missing() -> None:
    it, seen = flow(), []
    it.protect([Keys()])
    seen.append(it.sync)
    it.open(b"")
    seen.append(it.sync)
    it.protect([Keys()])
    seen.append(it.sync)
    it.skip_protected(0)
    it.protect([Keys()])
    seen.append(it.sync)

    assert seen == [Sync.UNTRIED, Sync.IN_STEP, Sync.UNTRIED, Sync.AFTER_GAP]


def test_record_that_lacks_bytes_is_passed_over() -> None:
    it, keys = flow(), Keys()
    it.protect([keys])
    header, body = b"\x17\x03\x03\0\x05", b"abcde"
    for piece in it.records.read(header + body[:1]):
        it.begin_record(piece.content_type)
        assert it.collect_body(piece) is None
    it.records.skip(2)
    it.skip_protected(2)

    assert [it.collect_body(piece) for piece in it.records.read(body[3:])] == [None]

    assert keys.skipped == [b"de"]
