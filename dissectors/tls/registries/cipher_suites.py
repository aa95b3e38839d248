"""TLS cipher suites: their names, and what those say of them.

Names are TLS_<key exchange>_WITH_<cipher>_<hash> up to TLS 1.2 (RFC 5246 Appendix C),
and TLS_<cipher>_<hash> in TLS 1.3 (RFC 8446 Appendix B.4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from dissectors.events import Weakness
from dissectors.tls.registries.cipher_suite_names import CIPHER_SUITES

# RFC 5746 §3.3: stands for an empty renegotiation_info
RENEGOTIATION_INFO_SCSV = 0x00FF

_PARTS = re.compile(r"TLS_(?:(.+)_WITH_)?(.+?)(?:_(MD5|SHA|SHA1|SHA256|SHA384|SM3))?")
# RFC 9325 §4.1: no encryption, no authentication, or less than 112 bits
_INSECURE = re.compile(r"NULL|EXPORT|anon|RC4|(?<!3)DES(?=_)")
# RFC 9325 §4.1: SHOULD NOT be negotiated; 3DES has 112 bits (and RFC 9155, 7465)
_WEAK = re.compile("3DES|IDEA|SEED|28147|MAGMA")


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """A cipher suite.

    Attributes:
        name: IANA name, `0xABCD` if unknown.
        key_exchange: such as `ECDHE_RSA`; empty in TLS 1.3, which leaves it open.
        cipher: such as `AES_128_GCM`; empty if the suite is unknown.
        hash: such as `SHA256`: of the MAC with CBC, else of the key schedule; empty
            if the name tells none.
    """

    name: str
    key_exchange: str = ""
    cipher: str = ""
    hash: str = ""

    @property
    def is_tls_1_3(self) -> bool:
        """It is a suite of TLS 1.3."""
        return not self.key_exchange and self.cipher != ""

    @property
    def forward_secret(self) -> bool | None:
        """A key stolen later opens nothing; `None` if the suite doesn't tell."""
        if not self.key_exchange:
            return None
        # ephemeral, but for static DH and ECDH
        return "DHE" in self.key_exchange or "_anon" in self.key_exchange

    @property
    def weakness(self) -> str | None:
        """The `Weakness` for which it should not be used (RFC 9325 §4.1, §4.2)."""
        if insecure := _INSECURE.search(self.name):
            return Weakness.BROKEN_CIPHER.of(insecure[0])
        # RFC 9150: a hash where the cipher should be
        if self.cipher.startswith("SHA"):
            return Weakness.BROKEN_CIPHER.of("NULL")
        if weak := _WEAK.match(self.cipher):
            return Weakness.WEAK_CIPHER.of(weak[0])
        return None


def cipher_suite_name(code_point: int) -> str:
    """Name a cipher suite; `0xABCD` if it is not registered."""
    return CIPHER_SUITES.get(code_point) or f"0x{code_point:04X}"


@lru_cache(maxsize=512)
def cipher_suite(number: int) -> CipherSuite:
    """Look a cipher suite up by its code point."""
    name = cipher_suite_name(number)
    match = _PARTS.fullmatch(name)
    if number not in CIPHER_SUITES or match is None or "SCSV" in name:
        return CipherSuite(name)
    key_exchange, cipher, hash_name = match.groups()
    return CipherSuite(name, key_exchange or "", cipher, hash_name or "")
