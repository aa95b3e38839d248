"""Finds the keys of a connection in a key log, and gives them to its flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dissectors.events import Resumption
from dissectors.tls.flow import FlowState
from dissectors.tls.handshake.structs import StructReader
from dissectors.tls.registries import extensions
from dissectors.tls.registries.handshake_types import HandshakeType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dissectors.tls.decryption.connection_keys import (
        ConnectionKeys,
        EarlyDataProtection,
    )
    from dissectors.tls.decryption.keylog import Hosts, KeyLog, Label
    from dissectors.tls.flow import TlsFlow
    from dissectors.tls.handshake.hello import ClientHello, ServerHello
    from dissectors.tls.observer import HandshakeObserver

# to look up a member of an enum takes long in Python 3.11
_CLIENT_HELLO = HandshakeType.CLIENT_HELLO
_SERVER_HELLO = HandshakeType.SERVER_HELLO
_NEW_SESSION_TICKET = HandshakeType.NEW_SESSION_TICKET
_KEY_UPDATE = HandshakeType.KEY_UPDATE


class KeyFinder:
    """Looks for secrets whenever the handshake shows by what they could be found.

    Args:
        key_log: secrets of this and other connections.
        hosts: the addresses of both ends.
        observer: knows what both sides said of the session.
        client: the client's records.
        server: the server's records.
        counts: note in the key log what is found; else only once `count` is called.
    """

    __slots__ = (
        "_client",
        "_early_keys",
        "_hosts",
        "_key_log",
        "_keys",
        "_observer",
        "_server",
        "_ticket",
        "_uncounted",
    )

    def __init__(
        self,
        key_log: KeyLog | None,
        hosts: Hosts,
        observer: HandshakeObserver,
        client: TlsFlow,
        server: TlsFlow,
        *,
        counts: bool,
    ) -> None:
        self._key_log = key_log
        # client randoms that were found, and are not to be counted yet
        self._uncounted: list[bytes] | None = None if counts else []
        self._hosts = hosts
        self._observer = observer
        self._client, self._server = client, server
        self._keys: ConnectionKeys | None = None
        self._early_keys: EarlyDataProtection | None = None
        # by which the client may resume the session
        self._ticket = b""

    @property
    def knows_early_data(self) -> bool:
        """There is a secret for the early data."""
        return self._early_keys is not None and self._early_keys.is_known

    def take_message(self, flow: TlsFlow, message_type: int, body: bytes) -> None:
        """Take a handshake message, after the observer, as far as it is about keys.

        Raises:
            MalformedStructError: it can't be read.
        """
        observer = self._observer
        if message_type == _NEW_SESSION_TICKET:
            if not observer.is_tls_1_3:
                reader = StructReader(body)
                reader.take(4)  # how long it is good for
                self._ticket = reader.vector(2)
        elif self._key_log is None:
            return
        elif message_type == _CLIENT_HELLO:
            if observer.client_hello is not None:
                self.begin(observer.client_hello)
        elif message_type == _SERVER_HELLO:
            if observer.server_hello is not None and not self.retry_lookup():
                self._install(observer.server_hello)
        elif message_type == _KEY_UPDATE:
            flow.update_keys()

    def begin(self, offer: ClientHello) -> None:
        """Look for the secrets of the handshake that a ClientHello begins."""
        self._keys = None
        if self._key_log is None:
            return
        secrets = self._secrets_of(offer.random)
        if secrets is None:
            return
        from dissectors.tls.decryption.connection_keys import ConnectionKeys

        self._keys = ConnectionKeys(offer.random, secrets)
        if extensions.EARLY_DATA in offer.extensions:
            self._early_keys = self._keys.early_data_protection(offer.cipher_suites)
            self._client.protect_early_data(self._early_keys)

    def retry_lookup(self) -> bool:
        """Look for secrets that were logged only after the ClientHello; true if found.

        A client has some of them when it has the ServerHello.
        """
        offer, choice = self._observer.client_hello, self._observer.server_hello
        if self._keys is not None or offer is None or choice is None:
            return False
        if self._key_log is None or _went_on(self._client) or _went_on(self._server):
            return False
        return self._use(self._secrets_of(offer.random))

    def install_late_secret(self, flow: TlsFlow) -> bool:
        """Look for the secret of a flow's data, logged after those of the handshake."""
        choice = self._observer.server_hello
        if self._keys is None or choice is None:
            return False
        following = self._keys.tls13_protections(choice)[flow.side][1:]
        if following:
            flow.protect(following)
        return bool(following)

    def remember_session(self) -> None:
        """Use the secrets of a session that is resumed, or note how this one may be."""
        log, observer = self._key_log, self._observer
        offer, choice = observer.client_hello, observer.server_hello
        if log is None or offer is None or choice is None:
            return
        resumption = observer.seen.resumption
        if self._keys is None and resumption is Resumption.TICKET:
            self._use(log.secrets_of_session(self._hosts, offer.ticket))
        elif self._keys is None and resumption is Resumption.SESSION_ID:
            self._use(log.secrets_of_session(self._hosts, choice.session_id))
        if self._keys is not None:
            log.remember_session(self._hosts, choice.session_id, self._keys.secrets)
            log.remember_session(self._hosts, self._ticket, self._keys.secrets)

    def count(self) -> None:
        """Note in the key log what was found so far, and what will be."""
        randoms, self._uncounted = self._uncounted or (), None
        if self._key_log is not None:
            for random in randoms:
                self._key_log.count_use(random)

    def _secrets_of(self, random: bytes) -> Mapping[Label, bytes] | None:
        log = self._key_log
        secrets = log.secrets_of(random) if log is not None else None
        if log is not None and secrets is not None:
            if self._uncounted is None:
                log.count_use(random)
            else:
                self._uncounted.append(random)
        return secrets

    def _use(self, secrets: Mapping[Label, bytes] | None) -> bool:
        """Give the flows their keys; false if there are no secrets."""
        if secrets is None:
            return False
        from dissectors.tls.decryption.connection_keys import ConnectionKeys

        offer, choice = self._observer.client_hello, self._observer.server_hello
        assert offer is not None
        assert choice is not None
        self._keys = ConnectionKeys(offer.random, secrets)
        self._install(choice)
        return True

    def _install(self, choice: ServerHello) -> None:
        keys, client, server = self._keys, self._client, self._server
        if keys is None:
            # those of a renegotiation may be missing
            client.successors, server.successors = [], []
            return
        if choice.is_tls_1_3:
            of_client, of_server = keys.tls13_protections(choice)
            client.protect_tls_1_3(of_client)
            server.protect_tls_1_3(of_server)
            return
        encrypt_then_mac = extensions.ENCRYPT_THEN_MAC in choice.extensions
        client.successors, server.successors = keys.legacy_protections(
            choice, encrypt_then_mac=encrypt_then_mac
        )


def _went_on(flow: TlsFlow) -> bool:
    """Tell whether a flow has finished without keys: its records count, though."""
    return flow.is_finished and flow.state is not FlowState.PROTECTED
