"""What of each session crossed the wire in plaintext, and what its client could do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analyzer.reports.accounts import is_refused_login
from analyzer.reports.channel import ENCRYPTED, Channel, channel_of
from analyzer.reports.overview import is_plaintext_login
from analyzer.sessions.protection import PLAINTEXT_LOGIN, UNKNOWN
from analyzer.sessions.role import Role
from analyzer.tables.columns import is_true
from dissectors.events import Exposure, Outcome

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CHANNELS = (
    Channel.PLAINTEXT,
    Channel.STARTTLS,
    Channel.IMPLICIT,
    Channel.MIDSTREAM,
    Channel.FAILED,
    Channel.UNKNOWN,
)
# columns of flags; `Channel` knows another "unknown"
RESULTS = {outcome: f"login_{outcome}" for outcome in Outcome}
# from harmless to worst
EXPOSURES = (Exposure.NOTHING, Exposure.OFFLINE, Exposure.TOKEN, Exposure.PASSWORD)

_KEPT = [
    "client_ip",
    "server_ip",
    "server_port",
    "protocol",
    "service",
    "role",
    "start",
    "end",
    "starttls",
    "auth_user",
    "auth_mechanism",
    "client_software",
]


def exposure(
    sessions: pd.DataFrame, attacks: npt.NDArray[np.bool_] | None = None
) -> pd.DataFrame:
    """Find out what an eavesdropper learned from each session.

    Args:
        sessions: all of them.
        attacks: (n,) which of them are those of attackers; `None` if that is not known.

    Returns:
        One row per session: some of its columns, the STARTTLS state as `step`, and

        - `role`, and a flag per `Channel`;
        - `encrypted`: it used TLS;
        - `unjudged`: it can't be told whether something crossed in plaintext;
        - `cut`: it used TLS, but not from the first byte on, and is `unjudged`;
        - `attempt`: the connection was refused, or nobody answered;
        - `has_login`: a login was seen in plaintext, with a flag per `Outcome`, as in
          `RESULTS`;
        - `guessed`: a login failed;
        - `plaintext_login`: there was something to it, as the verdict says;
        - `severity`: what it showed, as a place in `EXPOSURES`;
        - `exposed`: that was a password or a token; `refused`: the server refused it;
        - `mail`: mail crossed in plaintext, if only before STARTTLS;
        - `attacks`: it is that of an attacker;
        - `works`: in plaintext, the client logged in, moved mail or opened a mailbox; a
          login of which the result is unknown counts unless all others of this
          client with this server failed; what attackers do never counts;
        - `is_whole`: all of it was captured;
        - `used_tls`: its client used TLS, in whatever session, with this server for
          this protocol.
    """
    channels = channel_of(sessions)
    facts = sessions[_KEPT].rename(columns={"starttls": "step"})
    for channel in CHANNELS:
        facts[channel] = is_true(channels == channel)
    for result, name in RESULTS.items():
        facts[name] = is_true(sessions["auth_result"] == result)
    severities = {name.value: rank for rank, name in enumerate(EXPOSURES)}
    facts["severity"] = (
        sessions["auth_exposure"].map(severities).fillna(0).astype("int64")
    )
    has_bytes = is_true(sessions["client_bytes"] + sessions["server_bytes"] > 0)
    facts["unjudged"] = is_true(sessions["protection"] == UNKNOWN) & has_bytes
    facts["attempt"] = is_true(sessions["ended"].isin(["refused", "unanswered"]))
    facts["encrypted"] = is_true(channels.isin(ENCRYPTED))
    facts["cut"] = facts["encrypted"] & facts["unjudged"] & ~facts[Channel.IMPLICIT]
    # whoever has the keys sees logins that nobody else saw
    was_hidden = is_true(sessions["tls_decrypted"])
    was_hidden &= ~is_true(sessions["protection"] == PLAINTEXT_LOGIN)
    facts["has_login"] = is_true(sessions["auth_exposure"].notna()) & ~was_hidden
    facts["plaintext_login"] = is_true(is_plaintext_login(sessions))
    facts["refused"] = is_true(is_refused_login(sessions))
    facts["exposed"] = is_true(sessions["credentials_exposed"])
    facts["mail"] = is_true(sessions["plaintext_messages"] > 0)
    # a server may let a client in without a login (RFC 9051 §7.1.4: PREAUTH)
    opened = ~facts["encrypted"] & is_true(sessions["mailboxes"].list.len() > 0)
    pair = ["client_ip", "server_ip", "protocol"]
    facts["guessed"] = (
        is_true(sessions["auth_failures"] > 0) | facts[RESULTS[Outcome.FAILURE]]
    )
    clients = facts.groupby(pair)
    only_guesses = clients["guessed"].transform("any").astype(bool)
    only_guesses &= ~clients[RESULTS[Outcome.SUCCESS]].transform("any").astype(bool)
    got_in = facts["has_login"] & ~facts[RESULTS[Outcome.FAILURE]] & ~only_guesses
    facts["attacks"] = False if attacks is None else attacks
    facts["works"] = (got_in | facts["mail"] | opened) & ~facts["attacks"]
    nothing_missing = is_true(sessions["missing_bytes"] == 0)
    facts["is_whole"] = is_true(sessions["complete"]) & nothing_missing
    facts["used_tls"] = facts.groupby(pair)["encrypted"].transform("any").astype(bool)
    return facts


def is_relay(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which rows are of mail between servers."""
    return is_true(rows["role"] == Role.RELAY)


def would_be_cut_off(rows: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows are of clients that know no other way than plaintext.

    RFC 3207 §4: a public server must not ask for STARTTLS, so no relay is cut off.
    """
    return rows["works"] & ~rows["used_tls"] & ~is_relay(rows)


def worst_first(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Sort by these columns, the largest first, and all relay last; ties stay."""
    rows = rows.sort_values(by, ascending=False, kind="stable")
    relay = is_relay(rows)
    return pd.concat([rows[~relay], rows[relay]], ignore_index=True)
