from __future__ import annotations

from dissectors.events import Side
from dissectors.limits import Limits
from tests.support.tls.handshakes import play
from tests.support.tls.wire import handshake, record


def test_anomalies_are_limited() -> None:
    connection = play([(Side.SERVER, record(22, handshake(2, b"") * 1000))], Limits())
    assert len(connection.anomalies) == Limits().anomalies
