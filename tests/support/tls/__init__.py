"""TLS for tests: records by hand, sealed by made-up secrets, and OpenSSL's own."""

from __future__ import annotations
