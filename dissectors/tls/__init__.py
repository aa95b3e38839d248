"""TLS as an eavesdropper sees it: records, the clear part of handshakes, alerts.

Handled: the record layer of SSL 3.0 to TLS 1.3 (RFC 6101, 2246, 4346, 5246, 8446
§5), ClientHello (also SSLv2-compatible, RFC 5246 Appendix E.2), ServerHello and
HelloRetryRequest, the Certificate message of TLS 1.2 and older, alerts in clear,
and the fingerprints JA3, JA3S and JA4. Left out: SSL 2.0 itself, everything that
is encrypted, renegotiation.

Memory per connection is bounded by `Limits.handshake` per direction; the cost is
linear in the bytes.
"""

from __future__ import annotations

from dissectors.tls.dissector import TlsDissector
from dissectors.tls.records import TLS_PREFIX_BYTES, looks_like_tls

__all__ = ["TLS_PREFIX_BYTES", "TlsDissector", "looks_like_tls"]
