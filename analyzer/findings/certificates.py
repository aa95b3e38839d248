"""What is wrong with the certificates that servers showed.

They can be judged where they can be seen: TLS 1.3 hides them from those who have no key
log. Between servers nobody checks them (RFC 7435).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import SERVER, Kind, Rule
from analyzer.findings.tls import THEME, joined, places
from analyzer.sessions.certificate_status import CertificateStatus
from analyzer.tables.columns import is_true

if TYPE_CHECKING:
    from analyzer.findings.facts import Facts

_DAY_NS = 86_400 * 1_000_000_000
_ONE_SHOWN = (*SERVER, "cert_sha256")
_EXPIRING = "cert-expiring"
_RFC_8314 = "RFC 8314, section 5.2"
_OUTSIDE_ITS_TIME = (CertificateStatus.EXPIRED, CertificateStatus.NOT_YET_VALID)
_UNTRUSTED: dict[str, Kind] = {
    CertificateStatus.ISSUER_MISSING: Kind(
        "Certificate whose issuer is not known",
        Mender.SERVER,
        "Have the server send all certificates below the root. If the issuer is your "
        "own, name it with --ca.",
    ),
    CertificateStatus.UNTRUSTED_ROOT: Kind(
        "Certificate of an authority that is not trusted",
        Mender.SERVER,
        "Use a certificate of a public authority. If the authority is your own, name "
        "it with --ca.",
    ),
    CertificateStatus.INVALID: Kind(
        "Certificate that is not valid",
        Mender.SERVER,
        "Have a certificate issued for servers, by an authority that may do so.",
    ),
    CertificateStatus.UNREADABLE: Kind(
        "Certificate that can't be read",
        Mender.SERVER,
        "Have a new certificate issued: this one is damaged.",
    ),
}
_MAY_BE_OWN = (CertificateStatus.ISSUER_MISSING, CertificateStatus.UNTRUSTED_ROOT)


def _expired(facts: Facts) -> pd.DataFrame:
    shown = _with_status(facts, CertificateStatus.EXPIRED)
    place = shown["session"]
    is_above = facts.values("cert_not_after")[place] >= facts.values("start")[place]
    seen = _described(shown) + np.where(is_above, "; one above it has expired", "")
    return _hits(facts, shown, Severity.MEDIUM, seen)


def _not_yet_valid(facts: Facts) -> pd.DataFrame:
    shown = _with_status(facts, CertificateStatus.NOT_YET_VALID)
    seen = _named(shown) + ", valid from " + _day(shown["cert_not_before"])
    return _hits(facts, shown, Severity.MEDIUM, seen)


def _expiring(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    is_in_time = ~sessions["cert_status"].isin(_OUTSIDE_ITS_TIME)
    shown = sessions.where(
        sessions["cert_not_after"].notna() & is_in_time, *_TOLD, *SERVER, "cert_names"
    )
    place = shown["session"].to_numpy()
    end = facts.values("cert_not_after")[place].astype(np.float64)
    life = end - facts.values("cert_not_before")[place].astype(np.float64)
    left = end - facts.values("end").max(initial=0).astype(np.float64)
    limits = {
        name: facts.threshold(_EXPIRING, name) * _DAY_NS
        for name in ("days", "urgent_days")
    }
    # certificates for a few days are renewed in their last third (RFC 9773)
    is_soon = left < np.fmin(limits["days"], life / 3)
    is_urgent = left < np.fmin(limits["urgent_days"], life / 6)
    # one that was renewed while it was watched is no more in use
    names = joined(shown["cert_names"]).fillna(shown["cert_subject"])
    same = [shown["server_ip"], shown["server_port"], names]
    latest = pd.Series(end, shown.index).groupby(same, dropna=False).transform("max")
    severity = np.where(is_urgent, Severity.LOW.value, Severity.INFO.value)
    chosen = is_soon & (end == latest.to_numpy())
    shown = shown[chosen]
    return _hits(facts, shown, severity[chosen], _described(shown))


def _self_signed(facts: Facts) -> pd.DataFrame:
    shown = _with_status(facts, CertificateStatus.SELF_SIGNED)
    return _hits(facts, shown, Severity.MEDIUM, _named(shown))


def _untrusted(facts: Facts) -> pd.DataFrame:
    shown = _with_status(facts, *_UNTRUSTED)
    may_be_own = shown["cert_status"].isin(_MAY_BE_OWN)
    return _hits(
        facts,
        shown,
        np.where(may_be_own, Severity.INFO.value, Severity.MEDIUM.value),
        _named(shown) + ", issued by " + shown["cert_issuer"].fillna("?"),
        kind=shown["cert_status"],
        confidence=np.where(
            may_be_own, Confidence.POSSIBLE.value, Confidence.PROVEN.value
        ),
    )


def _other_names(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    shown = sessions.where(
        ~sessions["cert_name_matches"], *_TOLD, "tls_sni", "cert_names"
    )
    went_on = is_true(facts.of_session(shown, "tls_established"))
    names = joined(shown["cert_names"]).fillna("nothing")
    return _hits(
        facts,
        shown,
        np.where(went_on, Severity.MEDIUM.value, Severity.LOW.value),
        "asked for " + shown["tls_sni"] + ", the certificate is for " + names,
    )


_TOLD = ("cert_subject", "cert_not_before", "cert_not_after")


def _with_status(facts: Facts, *statuses: str) -> pd.DataFrame:
    status = facts.sessions["cert_status"]
    return facts.sessions.where(
        status.isin(statuses), *_TOLD, "cert_status", "cert_issuer"
    )


def _named(shown: pd.DataFrame) -> pd.Series[Any]:
    return shown["cert_subject"].replace("", None).fillna("?")


def _described(shown: pd.DataFrame) -> pd.Series[Any]:
    return _named(shown) + ", valid until " + _day(shown["cert_not_after"])


def _day(times: pd.Series[Any]) -> pd.Series[Any]:
    # not every system has the time zones that Arrow would look UTC up in
    naive = pa.array(times).cast(pa.int64()).cast(pa.timestamp("ns"))
    days = naive.cast(pa.date32(), safe=False).cast(pa.string()).fill_null("?")
    return pd.Series(days, times.index, dtype=pd.ArrowDtype(days.type))


def _hits(
    facts: Facts, shown: pd.DataFrame, severity: Any, seen: pd.Series[Any], **told: Any
) -> pd.DataFrame:
    """Say what is wrong: less on loopback, and little between servers."""
    place = shown["session"].to_numpy()
    severities = pd.Series(severity, shown.index, dtype="object").astype(str)
    is_medium = severities == Severity.MEDIUM
    severities = severities.mask(is_medium & facts.is_loopback[place], Severity.LOW)
    severities = severities.mask(facts.is_relay[place], Severity.INFO)
    told |= places(facts, shown, "cert_frame")
    return facts.hits(shown, severity=severities, side="server", seen=seen, **told)


RULES = (
    Rule(
        "cert-expired",
        THEME,
        "Certificate has expired",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.SERVER,
        "Renew it, and let it be renewed by itself.",
        "It ended before the session began, by the clock of the capture. Info between "
        "servers.",
        _expired,
        (_RFC_8314, "RFC 5280, section 4.1.2.5"),
        _ONE_SHOWN,
    ),
    Rule(
        _EXPIRING,
        THEME,
        "Certificate expires soon",
        Severity.INFO,
        Confidence.PROVEN,
        Mender.SERVER,
        "See that it is renewed before.",
        "It ends within 30 days of the capture's end, and the server showed none for "
        "the same names that lasts longer: low in the last week. Those for a few days "
        "count in their last third.",
        _expiring,
        ("RFC 5280, section 4.1.2.5", "RFC 9773"),
        _ONE_SHOWN,
        {"days": 30, "urgent_days": 7},
    ),
    Rule(
        "cert-not-yet-valid",
        THEME,
        "Certificate is not valid yet",
        Severity.MEDIUM,
        Confidence.LIKELY,
        Mender.SERVER,
        "Wait with it until it is valid, or set the clock of who issues it.",
        "It begins after the session began, by the clock of the capture, which may be "
        "wrong. Info between servers.",
        _not_yet_valid,
        (_RFC_8314, "RFC 5280, section 4.1.2.5"),
        _ONE_SHOWN,
    ),
    Rule(
        "cert-self-signed",
        THEME,
        "Certificate is self-signed",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.SERVER,
        "Use a certificate of an authority that clients trust: who is used to warnings "
        "does not notice an attack.",
        "It is its own issuer, and not among those that are trusted (--ca). Low on "
        "loopback, info between servers.",
        _self_signed,
        (_RFC_8314, "RFC 7435"),
        _ONE_SHOWN,
    ),
    Rule(
        "cert-untrusted",
        THEME,
        "Certificate is not trusted",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.SERVER,
        "Use a certificate of an authority that clients trust.",
        "OpenSSL's verdict on its chain, by the system's trust store or --ca. Info if "
        "only the authority is unknown, as it may be known to the clients.",
        _untrusted,
        (_RFC_8314, "RFC 5280, section 6"),
        _ONE_SHOWN,
        kinds=_UNTRUSTED,
    ),
    Rule(
        "cert-name-mismatch",
        THEME,
        "Certificate is for another name than the client asked for",
        Severity.MEDIUM,
        Confidence.LIKELY,
        Mender.SERVER,
        "Have all names that clients use put into the certificate, or set clients up "
        "with one that is in it.",
        "The name in the ClientHello is none of the certificate's: low if the client "
        "did not go on, as when it guesses names; info between servers.",
        _other_names,
        ("RFC 7817", "RFC 9525, section 6"),
        _ONE_SHOWN,
    ),
)
