"""Names of TLS alerts (IANA TLS Alerts registry)."""

from __future__ import annotations

WARNING = 1
FATAL = 2

CLOSE_NOTIFY = 0

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    52: "too_many_cids_requested",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    117: "general_error",
    120: "no_application_protocol",
    121: "ech_required",
}

# what those that end handshakes mean to who runs the server or the client
_MEANINGS = {
    "bad_certificate": "the certificate is damaged, or its signature is wrong",
    "certificate_expired": "the certificate is not valid at this time",
    "certificate_required": "the server wants a certificate of the client",
    "certificate_revoked": "the certificate was revoked",
    "certificate_unknown": "the certificate was not accepted",
    "decode_error": "a message can't be read",
    "decrypt_error": "a signature or a Finished message is wrong",
    "handshake_failure": "nothing that both sides accept",
    "illegal_parameter": "a message contradicts itself or another one",
    "inappropriate_fallback": "the client fell back to an old version for no reason",
    "insufficient_security": "the server wants stronger cipher suites",
    "internal_error": "a failure that has nothing to do with the other side",
    "no_application_protocol": "no application protocol that both sides accept",
    "protocol_version": "no version that both sides accept",
    "unexpected_message": "a message at the wrong moment",
    "unknown_ca": "the issuer of the certificate is not known or not trusted",
    "unknown_psk_identity": "the session to resume is not known",
    "unrecognized_name": "the server does not know the host name",
    "unsupported_certificate": "a certificate of a kind that is not supported",
    "user_canceled": "the user gave up",
}


def describe_alert(side: str, level: int, description: int) -> str:
    """Write an alert as `server fatal protocol_version: what it means`."""
    name = alert_name(description)
    levels = {FATAL: "fatal", WARNING: "warning"}
    text = f"{side} {levels.get(level, level)} {name}"
    meaning = _MEANINGS.get(name)
    return text if meaning is None else f"{text}: {meaning}"


def alert_name(description: int) -> str:
    """Name an alert; `alert_123` if it is not registered."""
    return ALERTS.get(description) or f"alert_{description}"
