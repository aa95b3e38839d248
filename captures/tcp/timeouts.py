"""How long connections may be silent before they are over."""

from __future__ import annotations

SECOND_NS = 1_000_000_000
# A connection without a packet for this long is over: RFC 1122 §4.2.3.6 has two
# hours before the first keep-alive.
IDLE_TIMEOUT_NS = 7200 * SECOND_NS
# What never got past its SYN
OPENING_TIMEOUT_NS = 120 * SECOND_NS
# Retransmissions of a closed connection still belong to it. Hosts wait for them in
# TIME-WAIT, a minute or more (RFC 9293 §3.4.2); those that do come, come soon.
CLOSED_TIMEOUT_NS = 10 * SECOND_NS
