"""What dissectors report: facts, in the past tense, in the order they happened.

Times are nanoseconds since the Unix epoch, frames are the capture's frame
numbers; both are those of the packet that completed the fact. No event ever
carries a secret.
"""

from __future__ import annotations

from dissectors.events.exchange import (
    Anomaly,
    CapabilitiesAnnounced,
    ClientForwarded,
    ClientNamed,
    Exchange,
    ExchangeKind,
    ExtensionUsed,
    GreetingReceived,
    ReplyReceived,
    Side,
    SoftwareIdentified,
)
from dissectors.events.login import (
    AuthAttempted,
    CredentialsCrossed,
    Exposure,
    LoginOffered,
    Outcome,
)
from dissectors.events.mailbox import (
    MailboxSelected,
    MailboxSynchronised,
    MessagesAvailable,
    MessagesDeleted,
    State,
    StateChanged,
    Synchronisation,
    Use,
    UseCounted,
)
from dissectors.events.message import (
    Attachment,
    Copy,
    Delivery,
    Direction,
    MessageFacts,
    MessageTransferred,
    RecipientGiven,
    SenderGiven,
)
from dissectors.events.tls import (
    Certificate,
    CertificatesShown,
    ClientCertificate,
    ClientCertificateAdvanced,
    EarlyData,
    Resumption,
    StartTls,
    StartTlsAdvanced,
    TlsAlertSeen,
    TlsChoice,
    TlsDecrypted,
    TlsHandshakeSeen,
    TlsKeyExchange,
    TlsOffer,
    TlsRenegotiated,
    Weakness,
)

__all__ = [
    "Anomaly",
    "Attachment",
    "AuthAttempted",
    "CapabilitiesAnnounced",
    "Certificate",
    "CertificatesShown",
    "ClientCertificate",
    "ClientCertificateAdvanced",
    "ClientForwarded",
    "ClientNamed",
    "Copy",
    "CredentialsCrossed",
    "Delivery",
    "Direction",
    "EarlyData",
    "Event",
    "Exchange",
    "ExchangeKind",
    "Exposure",
    "ExtensionUsed",
    "GreetingReceived",
    "LoginOffered",
    "MailboxSelected",
    "MailboxSynchronised",
    "MessageFacts",
    "MessageTransferred",
    "MessagesAvailable",
    "MessagesDeleted",
    "Outcome",
    "RecipientGiven",
    "ReplyReceived",
    "Resumption",
    "SenderGiven",
    "Side",
    "SoftwareIdentified",
    "StartTls",
    "StartTlsAdvanced",
    "State",
    "StateChanged",
    "Synchronisation",
    "TlsAlertSeen",
    "TlsChoice",
    "TlsDecrypted",
    "TlsHandshakeSeen",
    "TlsKeyExchange",
    "TlsOffer",
    "TlsRenegotiated",
    "Use",
    "UseCounted",
    "Weakness",
]

Event = (
    Exchange
    | GreetingReceived
    | ReplyReceived
    | CapabilitiesAnnounced
    | ClientNamed
    | ClientForwarded
    | SoftwareIdentified
    | ExtensionUsed
    | LoginOffered
    | StateChanged
    | StartTlsAdvanced
    | AuthAttempted
    | CredentialsCrossed
    | SenderGiven
    | RecipientGiven
    | MessageTransferred
    | MailboxSelected
    | MailboxSynchronised
    | MessagesAvailable
    | MessagesDeleted
    | UseCounted
    | TlsHandshakeSeen
    | TlsAlertSeen
    | TlsDecrypted
    | TlsRenegotiated
    | CertificatesShown
    | ClientCertificateAdvanced
    | Anomaly
)
