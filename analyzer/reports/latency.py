"""How long servers take: to greet, to agree on TLS, and to answer each command.

DATA is answered twice: at once, and when the message has ended. Only the second
answer says how long it takes to accept mail, so it is a step of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dissectors.events import ExchangeKind

if TYPE_CHECKING:
    from collections.abc import Sequence

BANNER = "banner"
TLS_HANDSHAKE = "TLS handshake"
LOGIN = "login"
REFUSED_LOGIN = "refused login"
MESSAGE_END = "end of message"

LOGIN_VERBS = ("AUTH", "X-EXPS", "AUTHENTICATE", "LOGIN", "PASS", "APOP")
SERVER = ("server_ip", "server_port", "service")


def latency_by_verb(exchanges: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Measure how long the answers to each command, and to each message, took.

    IDLE is left out: it is answered when the client ends it.

    Returns:
        One row per `protocol` and `verb` (`MESSAGE_END` for the answer to the end of a
        message), the slowest first: the `count` of answers, in seconds their `median`,
        `p95` (the 95th percentile) and `max`, and the `session_id` of the slowest.
    """
    return _timings(
        _answers(exchanges).rename(columns={"step": "verb"}),
        sessions,
        ["protocol"],
        "verb",
    )


def latency_by_step(
    exchanges: pd.DataFrame, sessions: pd.DataFrame, by: Sequence[str] = SERVER
) -> pd.DataFrame:
    """Measure how long each server takes for each step of a session.

    Args:
        exchanges: of the sessions.
        sessions: the sessions.
        by: columns of sessions, by which steps are told apart.

    Returns:
        One row per `server_ip`, `server_port`, `service` (or what else is in `by`) and
        `step`, the slowest first, with the columns that `latency_by_verb` has.
    """
    return _timings(step_times(exchanges, sessions), sessions, [*by], "step")


def step_times(exchanges: pd.DataFrame, sessions: pd.DataFrame) -> pd.DataFrame:
    """Return how long each step of each session took.

    Returns:
        `session_id`, `step` and `latency_s`, which may be null. A step is `BANNER`
        (from the connection to the greeting), `TLS_HANDSHAKE`, `LOGIN` (by whatever
        command), `REFUSED_LOGIN` (servers may delay that on purpose), `MESSAGE_END`,
        or a command.
    """
    delays = {BANNER: "banner_delay_s", TLS_HANDSHAKE: "tls_handshake_s"}
    of_sessions = [
        sessions[["session_id"]].assign(step=step, latency_s=sessions[column])
        for step, column in delays.items()
    ]
    answers = _answers(exchanges)
    is_login = answers["step"].isin(LOGIN_VERBS)
    is_positive, is_negative = _replies(exchanges.loc[answers.index])
    answers["step"] = (
        answers["step"]
        .mask(is_login & is_positive, LOGIN)
        .mask(is_login & is_negative, REFUSED_LOGIN)
    )
    return pd.concat([*of_sessions, answers], ignore_index=True)


def _answers(exchanges: pd.DataFrame) -> pd.DataFrame:
    """Return the `session_id`, `step` and `latency_s` of what was answered."""
    # RFC 2177 §3; what has no verb is no command
    is_command = (exchanges["answered"] != "IDLE").fillna(value=False)
    is_timed = is_command & exchanges["latency_s"].notna()
    told = ["session_id", "answered", "latency_s", "kind", "argument"]
    timed = exchanges.loc[is_timed, told]
    # RFC 3030 §2: BDAT 1000 LAST
    is_last = (timed["answered"] == "BDAT") & timed[
        "argument"
    ].str.upper().str.endswith("LAST")
    is_end = (timed["kind"] == ExchangeKind.MESSAGE) | is_last
    step = timed["answered"].mask(is_end.fillna(value=False), MESSAGE_END)
    return timed[["session_id"]].assign(step=step, latency_s=timed["latency_s"])


def _replies(exchanges: pd.DataFrame) -> tuple[pd.Series[bool], pd.Series[bool]]:
    """Return which replies are positive, and which negative; 334 asks for more."""
    code, status = exchanges["reply_code"], exchanges["status"]
    is_positive = (code < 300).fillna(value=False) | status.isin(("OK", "+OK"))
    is_negative = (code >= 400).fillna(value=False) | status.isin(("NO", "BAD", "-ERR"))
    return is_positive, is_negative


def _timings(
    steps: pd.DataFrame, sessions: pd.DataFrame, by: list[str], step: str
) -> pd.DataFrame:
    """Sum up how long steps took.

    Args:
        steps: `session_id`, `latency_s`, and what the step is, as column `step`.
        sessions: the sessions.
        by: columns of sessions; steps are told apart by them, too.
        step: name of that column.
    """
    timed = steps[steps["latency_s"].notna()]
    timed = timed.merge(sessions[["session_id", *by]], on="session_id")
    # quantiles of Arrow columns are slow
    timed["latency_s"] = timed["latency_s"].astype("float64")
    keys = [*by, step]
    latencies = timed.groupby(keys)["latency_s"]
    slowest = latencies.idxmax()
    rows = pd.DataFrame(
        {
            "count": latencies.size(),
            "median": latencies.median(),
            "p95": latencies.quantile(0.95),
            "max": latencies.max(),
            "session_id": timed["session_id"]
            .take(slowest.to_numpy())
            .set_axis(slowest.index),
        }
    )
    ordered = rows.sort_values(["p95", "max"], ascending=False, kind="stable")
    return ordered.reset_index()
