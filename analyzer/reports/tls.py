"""How well TLS protected sessions, and the certificates that servers showed."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from analyzer.reports.accounts import distinct
from analyzer.reports.breakdown import is_deprecated
from analyzer.reports.channel import is_encrypted
from analyzer.sessions.certificate_status import CertificateStatus
from analyzer.sessions.protection import VERDICTS, WEAK_TLS, why_weak
from analyzer.sessions.role import Role
from analyzer.tables.columns import as_arrow, is_true
from analyzer.text import endpoint

_NAMED_BY_SIZE = ("RSA", "DSA")
_DAY_S = 86_400
_OF_WEAK = ["role", "tls_weaknesses", "cert_status", "cert_name_matches"]
_OF_SHOWN = ["session_id", "server_ip", "server_port", "cert_sha256", "cert_status"]
_OF_CLIENTS = [
    *("session_id", "start", "end", "client_ip", "server_ip", "tls_version"),
    "client_software",
]
_OF_CERTIFICATES = [
    *("name", "issuer", "key", "not_after", "days_left", "status", "sessions"),
    *("servers", "session_id"),
]


def by_verdict(sessions: pd.DataFrame) -> pd.DataFrame:
    """Count sessions per verdict on their protection.

    Returns:
        One row per `verdict` that was given, the best first: the number of
        `sessions`, and of those with each `Role`.
    """
    flags = {role.value: (sessions["role"] == role.value) for role in Role}
    facts = pd.DataFrame({"sessions": 1, **flags}, index=sessions.index)
    counted = facts.fillna(value=False).astype("int64").groupby(sessions["protection"])
    rows = counted.sum().reindex(VERDICTS).dropna().astype("int64")
    return rows.rename_axis("verdict").reset_index()


def weak_tls(sessions: pd.DataFrame) -> pd.DataFrame:
    """Count why sessions used weak TLS.

    Returns:
        One row per `weakness`, `server_ip` and `server_port`, the most frequent
        first: the number of `sessions`. A weakness is what `why_weak` lists.
    """
    facts = sessions[["server_ip", "server_port"]]
    facts = facts.assign(weakness=reasons_for_weak_tls(sessions)).explode("weakness")
    known = facts[facts["weakness"].notna()]
    counts = Counter(
        zip(known["weakness"], known["server_ip"], known["server_port"], strict=True)
    )
    # addresses may be missing in tables that somebody made
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return pd.DataFrame(
        [(*key, count) for key, count in ordered],
        columns=["weakness", "server_ip", "server_port", "sessions"],
    )


def reasons_for_weak_tls(sessions: pd.DataFrame) -> pd.Series[Any]:
    """Return what `why_weak` says of each session with weak TLS; null for others."""
    is_weak = is_true(sessions["protection"] == WEAK_TLS)
    weak = sessions.loc[is_weak, _OF_WEAK]
    columns = [as_arrow(weak[name]).to_pylist() for name in _OF_WEAK]
    reasons = pd.Series(index=sessions.index, dtype="object")
    reasons[is_weak] = pd.Series(
        [
            why_weak(role, weaknesses or (), status=status, name_matches=matches)
            for role, weaknesses, status, matches in zip(*columns, strict=True)
        ],
        weak.index,
        dtype="object",
    )
    return reasons.astype(pd.ArrowDtype(pa.list_(pa.string())))


def _is_null(value: Any) -> bool:
    return value is None or value is pd.NA


class UnseenCertificates(NamedTuple):
    """How many sessions showed no certificate, of which nothing can be said.

    Attributes:
        tls: sessions that used TLS.
        sessions: those that showed none.
        hidden: those of them in which TLS 1.3 hid it.
    """

    tls: int
    sessions: int
    hidden: int


def certificates_unseen(sessions: pd.DataFrame) -> UnseenCertificates:
    """Count the sessions with TLS whose certificate can't be judged."""
    is_tls = is_true(sessions["tls_established"])
    is_unseen = is_tls & sessions["cert_sha256"].isna()
    is_hidden = is_unseen & is_true(sessions["tls_version"] == "TLSv1.3")
    return UnseenCertificates(
        int(is_tls.sum()), int(is_unseen.sum()), int(is_hidden.sum())
    )


def server_certificates(
    certificates: pd.DataFrame, sessions: pd.DataFrame
) -> pd.DataFrame:
    """List the certificates that servers showed as their own.

    Returns:
        One row per certificate, those with a bad `status` first and then by when they
        end: `name` (the first of its names, else its subject), `issuer`, `key`,
        `not_after`, `days_left` until then (whole days from the end of the last
        session of all; negative if it is over), the `status` of its chain in the last
        session, the number of `sessions`, the `session_id` of the last, and the
        `servers` as text, if there are many the first ones. Of those that nobody saw,
        `certificates_unseen` tells.
    """
    shown = sessions.loc[sessions["cert_sha256"].notna(), _OF_SHOWN]
    servers, _ = distinct(shown["cert_sha256"], endpoints(shown))
    by_certificate = shown.groupby("cert_sha256")
    of_sessions = pd.DataFrame(
        {
            "status": by_certificate["cert_status"].last(),
            "sessions": by_certificate.size(),
            "session_id": by_certificate["session_id"].last(),
            "servers": servers,
        }
    )
    rows = certificates.drop(columns="sessions").set_index("sha256")
    rows = rows.join(of_sessions, how="inner")
    rows = rows.assign(
        name=pd.Series(map(_name, rows.itertuples()), rows.index, dtype="string"),
        key=pd.Series(map(_key, rows.itertuples()), rows.index, dtype="string"),
        days_left=days_between(sessions["end"], rows["not_after"]),
        is_good=rows["status"] == CertificateStatus.VALID,
    )
    order = ["is_good", "not_after", "name"]
    return rows.sort_values(order, kind="stable")[_OF_CERTIFICATES].reset_index(
        drop=True
    )


def tls_clients(sessions: pd.DataFrame) -> pd.DataFrame:
    """List which clients used which TLS version.

    Returns:
        One row per `client_ip` and `tls_version`, the oldest version first, and then
        who used it most: whether the version is `deprecated`; the number of `sessions`
        and of `servers`; the `client_software`, as far as it told its name; when it
        was `last_seen`, and the `session_id` of that session.
    """
    is_agreed = is_encrypted(sessions) & sessions["tls_version"].notna()
    agreed = sessions.loc[is_agreed, _OF_CLIENTS]
    agreed = agreed.sort_values(["start", "session_id"], kind="stable")
    keys = ["tls_version", "client_ip"]
    grouped = agreed.groupby(keys)
    rows = pd.DataFrame(
        {
            "sessions": grouped.size(),
            "servers": grouped["server_ip"].nunique(),
            "client_software": grouped["client_software"].last(),
            "last_seen": grouped["end"].max(),
            "session_id": grouped["session_id"].last(),
        }
    ).reset_index()
    rows.insert(2, "deprecated", is_deprecated(rows["tls_version"]))
    # their names sort by age
    order = {"tls_version": True, "sessions": False, "client_ip": True}
    return rows.sort_values(
        list(order), ascending=list(order.values()), kind="stable"
    ).reset_index(drop=True)


def endpoints(sessions: pd.DataFrame) -> pd.Series[str]:
    """Return the address and port of each session's server."""
    known = sessions[["server_ip", "server_port"]].notna().all(axis=1)
    servers = sessions[known]
    pairs = zip(servers["server_ip"], servers["server_port"].tolist(), strict=True)
    texts = [*itertools.starmap(endpoint, pairs)]
    told = pd.Series(texts, servers.index, dtype=sessions["server_ip"].dtype)
    return told.reindex(sessions.index)


def days_between(starts: pd.Series[Any], ends: pd.Series[Any]) -> pd.Series[int]:
    """Count whole days, null where an end is; they may be more than Timedelta holds."""
    starts_s, ends_s = (
        times.astype("int64[pyarrow]").astype("Float64") / 1e9
        for times in (starts, ends)
    )
    return ((ends_s - starts_s.max()) // _DAY_S).astype("Int64")


def _name(certificate: Any) -> str | None:
    names = certificate.names
    has_names = not _is_null(names) and len(names) > 0
    return names[0] if has_names else certificate.subject  # type: ignore[no-any-return]


def _key(certificate: Any) -> str | None:
    key_type = certificate.key_type
    if pd.isna(key_type):
        return None
    # the names of curves tell their size
    is_sized = key_type in _NAMED_BY_SIZE
    return f"{key_type} {certificate.key_bits}" if is_sized else key_type
