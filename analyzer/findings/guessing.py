"""Guessed passwords: one account tried often, many tried once, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import CLIENT, Rule
from analyzer.findings.sources import client_sources, source_names
from analyzer.findings.windows import Windows
from analyzer.tables.columns import nanoseconds, number
from dissectors.events import Outcome

if TYPE_CHECKING:
    import numpy.typing as npt

    from analyzer.findings.facts import Facts

    Flags = npt.NDArray[np.bool_]

_THEME = "abuse"
_GUESSING, _SPRAYING = "password-guessing", "password-spraying"
_AFTER = "login-after-guessing"
# Refusals that say nothing of the password: not now (RFC 5321 §4.2.1; RFC 5530; RFC
# 3206), not so (RFC 4954 §6, RFC 9051 §7.1).
_NOT_TRIED = (
    r"^(?:[23]\d\d|4\d\d|50[0-4]|53[08])\b|^\* |^BAD\b"
    r"|\[(?:UNAVAILABLE|PRIVACYREQUIRED|LIMIT|CONTACTADMIN|IN-USE|LOGIN-DELAY|SYS/)"
)
# A device tries again by its timer: some times at once, then not for a while.
_DEVICE_BURST = 5
_DEVICE_PAUSE_S = 10
_DEVICE_JITTER = 0.25
_DEVICE_BURSTS = 4
_MOST_DEVICES = 2
# a user gives up after fewer attempts than these per account
_FEW_PER_ACCOUNT = 3


@dataclass(frozen=True, slots=True)
class _Attempts:
    """All attempts to log in, and which of them belong to an attack.

    Attributes:
        rows: attempts whose result is known.
        account: the user's name in lower case.
        source: a number for each client, or the network in which it changes addresses.
        pair: a number for each source and account.
        guessed: whether it is one of many failures for few accounts.
        persistent: whether it is one of so many that no user would try.
        sprayed: whether it is one of the failures for many accounts.
    """

    rows: pd.DataFrame
    account: pd.Series[Any]
    source: npt.NDArray[np.int64]
    pair: npt.NDArray[np.int64]
    guessed: Flags
    persistent: Flags
    sprayed: Flags


def _attempts(facts: Facts) -> _Attempts:
    logins = facts.logins
    rows = logins.where(
        logins["result"].isin([Outcome.SUCCESS, Outcome.FAILURE]),
        "user",
        "mechanism",
        "result",
        "reply",
        "time",
    )
    rows = rows.reset_index(drop=True)
    account = rows["user"].str.lower()
    source = facts.once(client_sources)[rows["session"].to_numpy()]
    pair = number(source, account)
    failed = (rows["result"] == Outcome.FAILURE).to_numpy(dtype=bool)
    untried = rows["reply"].str.contains(_NOT_TRIED, regex=True)
    failed &= ~untried.fillna(value=True).to_numpy(dtype=bool)
    is_success = (rows["result"] == Outcome.SUCCESS).to_numpy(dtype=bool)
    in_vain = failed & ~np.isin(pair, pair[is_success])
    places = np.flatnonzero(failed)
    is_device = _is_device(rows["time"].iloc[places], pair[places], source[places])
    places = places[~is_device]
    tried = _Tried(rows["time"].iloc[places], source[places], pair[places])
    guessed, persistent = np.zeros((2, len(rows)), bool)
    seconds = facts.threshold(_GUESSING, "window_s")
    for flags, rule in ((guessed, _GUESSING), (persistent, _AFTER)):
        least = facts.threshold(rule, "failures")
        flags[places] = _guessed(tried, in_vain[places], least, seconds)
    sprayed = _sprayed(facts, rows, source, pair, in_vain & ~guessed, is_success)
    return _Attempts(rows, account, source, pair, guessed, persistent, sprayed)


class _Tried(NamedTuple):
    """Failures that may be guesses: when, by whom, and for which account."""

    times: pd.Series[Any]
    source: npt.NDArray[np.int64]
    pair: npt.NDArray[np.int64]


def _guessed(tried: _Tried, in_vain: Flags, least: float, seconds: float) -> Flags:
    """Return which failures are among many of one client for one account, or few."""
    of_pairs = Windows(tried.times, seconds, tried.pair)
    guessed = of_pairs.reach(of_pairs.count() >= least)
    of_sources = Windows(tried.times, seconds, tried.source)
    counts = of_sources.count(in_vain)
    accounts = of_sources.count_distinct(tried.pair, chosen=in_vain)
    is_many = (counts >= least) & (counts >= _FEW_PER_ACCOUNT * accounts)
    return guessed | (of_sources.reach(is_many) & in_vain)


def _is_device(
    times: pd.Series[Any], pair: npt.NDArray[np.int64], source: npt.NDArray[np.int64]
) -> Flags:
    """Return which failures come as those of a device with an old password do.

    That is by a timer: in short bursts that are always as far apart. Others of the same
    client and account are not excused by them, nor is a client that does so for more
    accounts than somebody has devices.
    """
    stamps = nanoseconds(times).to_numpy() / 1e9
    order = np.lexsort((stamps, pair))
    stamps, pairs = stamps[order], pair[order]
    is_first = np.diff(pairs, prepend=-1) != 0
    begins = is_first | (np.diff(stamps, prepend=-np.inf) > _DEVICE_PAUSE_S)
    burst = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    bursts = pd.DataFrame(
        {
            "pair": pairs[starts],
            "gap": np.where(
                is_first[starts], np.nan, np.diff(stamps[starts], prepend=np.nan)
            ),
            "size": np.bincount(burst, minlength=len(starts)),
        }
    )
    grouped = bursts.groupby("pair")["gap"]
    usual = grouped.transform("median")
    is_steady = (bursts["gap"] - usual).abs() <= _DEVICE_JITTER * usual
    is_regular = (
        (is_steady | bursts["gap"].isna())
        & (grouped.transform("size") >= _DEVICE_BURSTS)
        & (bursts["size"] <= _DEVICE_BURST)
    )
    flags = np.empty(len(order), bool)
    flags[order] = is_regular.to_numpy()[burst]
    by_timer = pd.DataFrame({"source": source[flags], "pair": pair[flags]})
    accounts = by_timer.drop_duplicates()["source"].value_counts()
    many = accounts.index[accounts > _MOST_DEVICES]
    flags &= ~np.isin(source, many.to_numpy())
    return flags


def _sprayed(
    facts: Facts,
    rows: pd.DataFrame,
    source: npt.NDArray[np.int64],
    pair: npt.NDArray[np.int64],
    in_vain: Flags,
    is_success: Flags,
) -> Flags:
    """Return which failures are of a client that tries many accounts in vain.

    Accounts with which that client logs in, too, are those of its users.
    """
    least = facts.threshold(_SPRAYING, "accounts")
    share = facts.threshold(_SPRAYING, "share")
    windows = Windows(rows["time"], facts.threshold(_SPRAYING, "window_s"), source)
    accounts = windows.count_distinct(pair, chosen=in_vain)
    all_accounts = windows.count_distinct(pair, chosen=in_vain | is_success)
    is_spray = (accounts >= least) & (accounts >= share * all_accounts)
    return in_vain & windows.reach(is_spray)


def _guessing(facts: Facts) -> pd.DataFrame:
    attempts = facts.once(_attempts)
    confidence = np.where(
        attempts.persistent, Confidence.LIKELY.value, Confidence.POSSIBLE.value
    )
    return _hits(facts, attempts, attempts.guessed, confidence=pd.Series(confidence))


def _spraying(facts: Facts) -> pd.DataFrame:
    attempts = facts.once(_attempts)
    return _hits(facts, attempts, attempts.sprayed)


def _logins_after(facts: Facts) -> pd.DataFrame:
    attempts = facts.once(_attempts)
    rows, source, pair = attempts.rows, attempts.source, attempts.pair
    seconds = facts.threshold(_AFTER, "window_s")
    is_success = (rows["result"] == Outcome.SUCCESS).to_numpy(dtype=bool)
    tried = attempts.guessed | attempts.sprayed
    of_account, of_source, for_sure = (
        Windows(rows["time"], seconds, of).count(flags) > 0
        for of, flags in (
            (pair, tried),
            (source, attempts.sprayed),
            (pair, attempts.persistent | attempts.sprayed),
        )
    )
    # who got in before anything was tried knew the password
    times = nanoseconds(rows["time"]).to_numpy()
    first = pd.Series(times[tried]).groupby(source[tried]).min()
    begin = first.reindex(source, fill_value=np.iinfo(np.int64).max).to_numpy()
    is_known = np.isin(pair, pair[is_success & (times < begin)])
    hit = is_success & ~is_known & (of_account | of_source)
    severity = np.where(for_sure | of_source, Severity.CRITICAL, Severity.HIGH)
    confidence = np.where(for_sure, Confidence.LIKELY, Confidence.POSSIBLE)
    return _hits(
        facts,
        attempts,
        hit,
        severity=pd.Series(severity),
        confidence=pd.Series(confidence),
    )


def _hits(
    facts: Facts, attempts: _Attempts, chosen: Flags, **told: Any
) -> pd.DataFrame:
    rows = attempts.rows[chosen]
    seen = rows["mechanism"].fillna("?") + ", " + rows["user"].fillna("?")
    seen += ": " + rows["reply"].fillna("?")
    told = {name: values[chosen] for name, values in told.items()}
    return facts.hits(
        rows,
        account=attempts.account[chosen],
        client_ip=source_names(facts, rows),
        side="client",
        seen=seen,
        **told,
    )


RULES = (
    Rule(
        _GUESSING,
        _THEME,
        "Passwords are guessed",
        Severity.MEDIUM,
        Confidence.LIKELY,
        Mender.NETWORK,
        "Block the source, and limit failed logins per address and account. If it is "
        "one of your own hosts, see what runs there.",
        "One source, few accounts, many refused passwords: `failures` within "
        "`window_s` for one account, or as many for several that were tried often each "
        "and in vain. It is possible, and likely if there were so many that no user "
        "would try (as for login-after-guessing). Attempts that come by a timer, as "
        "those of a device with an old password (one or two accounts of a client), "
        "don't count; nor do refusals that say nothing of the password. The addresses "
        "of an IPv6 /64 are one source.",
        _guessing,
        ("MITRE ATT&CK T1110.001",),
        CLIENT,
        {"failures": 6, "window_s": 600},
    ),
    Rule(
        _SPRAYING,
        _THEME,
        "Passwords are tried on many accounts",
        Severity.MEDIUM,
        Confidence.LIKELY,
        Mender.NETWORK,
        "Block the source, and count failed logins per address, not only per account: "
        "so few attempts lock no account.",
        "One source was refused for `accounts` different accounts within `window_s`, "
        "and never got into any of them; they are at least a `share` of the accounts "
        "that it used, as behind a NAT most users get in.",
        _spraying,
        ("MITRE ATT&CK T1110.003",),
        CLIENT,
        {"accounts": 10, "share": 0.5, "window_s": 3600},
    ),
    Rule(
        _AFTER,
        _THEME,
        "Login succeeded after passwords were guessed",
        Severity.CRITICAL,
        Confidence.LIKELY,
        Mender.SERVER,
        "Lock the account, end its sessions, change its password, and see what was "
        "read and sent since. Then block the source.",
        "A source that guessed or sprayed passwords got into an account within "
        "`window_s`: likely if it was one of those refused before, possible if only "
        "others were; and high and possible if it guessed less than `failures` times, "
        "as a user may who has forgotten his. Logins from elsewhere are not meant, nor "
        "is a source that had got in before.",
        _logins_after,
        ("MITRE ATT&CK T1110",),
        ("client_ip", "account"),
        {"failures": 10, "window_s": 3600},
    ),
)
