"""TLS: what an eavesdropper sees, and what the owner of the keys sees.

Handled: the record layer of SSL 3.0 to TLS 1.3 (RFC 6101, 2246, 4346, 5246, 8446
§5), all handshake messages in plaintext, hellos of SSL 2.0, alerts, and fingerprints:
JA3, JA3S and JA4. With an NSS key log, TLS 1.0 to 1.3 is decrypted: AEAD, CBC and
stream suites, resumed sessions, early data, key updates, renegotiation.

Memory per connection is bounded by `Limits`; the cost is linear in the bytes.
"""

from __future__ import annotations

from dissectors.tls.decryption.keylog import Hosts, KeyLog
from dissectors.tls.dissector import TlsDissector
from dissectors.tls.handshake.client_random import (
    CLIENT_RANDOM_END,
    read_client_random,
)
from dissectors.tls.output import ApplicationData, ApplicationGap
from dissectors.tls.read_ahead import ReadAhead
from dissectors.tls.records import TLS_PREFIX_BYTES, looks_like_tls

__all__ = [
    "CLIENT_RANDOM_END",
    "TLS_PREFIX_BYTES",
    "ApplicationData",
    "ApplicationGap",
    "Hosts",
    "KeyLog",
    "ReadAhead",
    "TlsDissector",
    "looks_like_tls",
    "read_client_random",
]
