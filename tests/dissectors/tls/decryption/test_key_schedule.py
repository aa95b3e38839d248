"""Against published test vectors."""

from __future__ import annotations

from dissectors.tls.decryption import key_schedule
from dissectors.tls.decryption.key_schedule import (
    expand_label,
    key_block,
    next_traffic_secret,
)


def test_keys_of_tls_1_3() -> None:
    """RFC 8448 §3: the server's handshake traffic secret, its key and IV."""
    secret = bytes.fromhex(
        "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"
    )
    key = expand_label("SHA256", secret, b"key", 16)
    assert key.hex() == "3fce516009c21727d0f2e4e86ee403bc"
    iv = expand_label("SHA256", secret, b"iv", 12)
    assert iv.hex() == "5d313eb2671276ee13000b30"


def test_secret_after_an_update_is_as_long_as_the_hash() -> None:
    for name, size in (("SHA256", 32), ("SHA384", 48)):
        secret = next_traffic_secret(name, bytes(size))
        assert len(secret) == size
        assert secret != bytes(size)


def test_pseudorandom_function_of_tls_1_2() -> None:
    """The vector for P_SHA256 that was sent to the TLS working group's list."""
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = b"test label" + bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    expected = bytes.fromhex(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
        "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
        "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
        "87347b66"
    )
    assert key_schedule._p_hash("sha256", secret, seed, 100) == expected


def test_key_block_depends_on_the_version() -> None:
    arguments = ("sha256", bytes(48), bytes(32), bytes(32), 104)
    old, new = key_block(0x0302, *arguments), key_block(0x0303, *arguments)
    assert len(old) == len(new) == 104
    assert old != new
    assert key_block(0x0301, *arguments) == old
