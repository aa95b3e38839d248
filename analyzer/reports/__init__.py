"""Reports over the tables: DataFrame in, DataFrame out.

Every figure is computed here and nowhere else, so that the terminal, the page
and the JSON output agree.
"""

from __future__ import annotations

from analyzer.reports.accounts import accounts
from analyzer.reports.attempts import attempts
from analyzer.reports.breakdown import (
    by_channel,
    by_failure,
    by_port,
    by_tls_version,
    port_totals,
)
from analyzer.reports.channel import (
    Channel,
    channel_of,
    encrypted_share,
    is_encrypted,
)
from analyzer.reports.deliveries import DeliveryOutcome, deliveries
from analyzer.reports.failures import failures_by_host
from analyzer.reports.journeys import JOURNEY_COLUMNS, journeys
from analyzer.reports.latency import latency_by_step, latency_by_verb, step_times
from analyzer.reports.listing import worries
from analyzer.reports.messages import (
    ATTACHMENT_COLUMNS,
    MESSAGE_COLUMNS,
    attachment_list,
    message_list,
)
from analyzer.reports.overview import (
    busiest,
    by_service,
    failed,
    is_plaintext_login,
    not_read,
    plaintext_logins,
    slowest,
    tls_versions,
)
from analyzer.reports.plaintext import (
    PlaintextTotals,
    has_plaintext,
    plaintext_ports,
    plaintext_totals,
    plaintext_users,
)
from analyzer.reports.plan import plaintext_by_port, plaintext_clients
from analyzer.reports.timeline import over_time
from analyzer.reports.tls import (
    by_verdict,
    certificates_unseen,
    server_certificates,
    tls_clients,
    weak_tls,
)
from analyzer.reports.transfers import transfer_rates
from analyzer.reports.use import protocol_use

__all__ = [
    "ATTACHMENT_COLUMNS",
    "JOURNEY_COLUMNS",
    "MESSAGE_COLUMNS",
    "Channel",
    "DeliveryOutcome",
    "PlaintextTotals",
    "accounts",
    "attachment_list",
    "attempts",
    "busiest",
    "by_channel",
    "by_failure",
    "by_port",
    "by_service",
    "by_tls_version",
    "by_verdict",
    "certificates_unseen",
    "channel_of",
    "deliveries",
    "encrypted_share",
    "failed",
    "failures_by_host",
    "has_plaintext",
    "is_encrypted",
    "is_plaintext_login",
    "journeys",
    "latency_by_step",
    "latency_by_verb",
    "message_list",
    "not_read",
    "over_time",
    "plaintext_by_port",
    "plaintext_clients",
    "plaintext_logins",
    "plaintext_ports",
    "plaintext_totals",
    "plaintext_users",
    "port_totals",
    "protocol_use",
    "server_certificates",
    "slowest",
    "step_times",
    "tls_clients",
    "tls_versions",
    "transfer_rates",
    "weak_tls",
    "worries",
]
