"""Finds the keys of one connection in a key log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm

from dissectors.tls.decryption.keylog import Label
from dissectors.tls.decryption.legacy_protection import legacy_protections
from dissectors.tls.decryption.record_protection import NotAuthenticError
from dissectors.tls.decryption.tls13_protection import Tls13Protection
from dissectors.tls.registries.cipher_suites import cipher_suite
from dissectors.tls.registries.versions import TLS_1_0, TLS_1_2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dissectors.tls.decryption.record_protection import (
        OpenedRecord,
        RecordProtection,
    )
    from dissectors.tls.handshake.hello import ServerHello

Protections = list["RecordProtection"]


class ConnectionKeys:
    """Makes the protections of a connection, in the order in which they are used."""

    def __init__(self, client_random: bytes, secrets: Mapping[Label, bytes]) -> None:
        self.secrets = secrets
        self._client_random = client_random

    def early_data_protection(self, suites: Sequence[int]) -> EarlyDataProtection:
        """Return what protects a client's early data; it offers these `suites`."""
        secret = self.secrets.get(Label.CLIENT_EARLY_TRAFFIC, b"")
        candidates = []
        for number in dict.fromkeys(suites) if secret else ():
            try:
                candidates.append(Tls13Protection(cipher_suite(number), secret))
            except (UnsupportedAlgorithm, ValueError):
                continue
        return EarlyDataProtection(candidates)

    def tls13_protections(self, choice: ServerHello) -> tuple[Protections, Protections]:
        """Return both sides', of the handshake and of the data: client, server."""
        labels = (
            (Label.CLIENT_HANDSHAKE_TRAFFIC, Label.CLIENT_TRAFFIC),
            (Label.SERVER_HANDSHAKE_TRAFFIC, Label.SERVER_TRAFFIC),
        )
        client, server = (self._chain(choice.cipher_suite, pair) for pair in labels)
        return client, server

    def _chain(self, number: int, labels: tuple[Label, ...]) -> Protections:
        """Return as many as there are secrets for, without leaving one out."""
        chain: Protections = []
        suite = cipher_suite(number)
        for label in labels:
            secret = self.secrets.get(label)
            if secret is None:
                break
            try:
                chain.append(Tls13Protection(suite, secret))
            except (UnsupportedAlgorithm, ValueError):
                break
        return chain

    def legacy_protections(
        self, choice: ServerHello, *, encrypt_then_mac: bool
    ) -> tuple[Protections, Protections]:
        """Return both sides' up to TLS 1.2, from ChangeCipherSpec on."""
        secret = self.secrets.get(Label.MASTER_SECRET)
        if (
            secret is None
            or choice.compression_method
            or not TLS_1_0 <= choice.version <= TLS_1_2
        ):
            return [], []
        try:
            client, server = legacy_protections(
                choice.version,
                cipher_suite(choice.cipher_suite),
                secret,
                self._client_random,
                choice.random,
                encrypt_then_mac=encrypt_then_mac,
            )
        except (UnsupportedAlgorithm, ValueError):
            return [], []
        return [client], [server]


class EarlyDataProtection:
    """Early data, whose suite is that of an earlier session (RFC 8446 §4.2.10).

    It is one of those that the client offers: the one that opens the first record. If
    the secret is not known, none does.
    """

    def __init__(self, candidates: list[Tls13Protection]) -> None:
        self._candidates = candidates

    def open(self, header: bytes, body: bytes) -> OpenedRecord:
        """Open the next record; see `RecordProtection`."""
        for candidate in self._candidates:
            try:
                opened = candidate.open(header, body)
            except NotAuthenticError:
                continue
            self._candidates = [candidate]
            return opened
        raise NotAuthenticError

    @property
    def is_known(self) -> bool:
        """There is a secret for it."""
        return bool(self._candidates)

    def skip(self, tail: bytes) -> None:
        """Pass over a record."""
        for candidate in self._candidates:
            candidate.skip(tail)
