"""Names of alerts."""

from __future__ import annotations

from dissectors.tls.registries.alerts import alert_name


def test_alert_is_named() -> None:
    assert alert_name(40) == "handshake_failure"
    assert alert_name(48) == "unknown_ca"


def test_unknown_alert_keeps_its_number() -> None:
    assert alert_name(200) == "alert_200"
