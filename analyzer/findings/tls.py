"""What servers chose in TLS handshakes that they should not choose any more.

A finding is about the server: it chose, whatever clients offered. Mail between servers
is encrypted if it can be (RFC 7435): weak TLS is better there than none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from analyzer.findings.levels import Confidence, Mender, Severity
from analyzer.findings.rule import CLIENT_AT_PORT, SERVER, Rule
from analyzer.tables.columns import is_true
from dissectors.events import Weakness
from dissectors.tls.registries.versions import DEPRECATED

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.findings.facts import Facts

THEME = "tls"
_RFC_9325 = "RFC 9325, section "
_INFO, _LOW, _MEDIUM, _HIGH = list(Severity)[:4]
# up to TLS 1.2, whatever has no group has none that withstands quantum computers
_WITHOUT_GROUP = DEPRECATED | {"TLSv1.2"}
_OF_CERTIFICATES = f"{Weakness.SHORT_KEY}|{Weakness.WEAK_CERT_SIGNATURE}"
# RFC 8446 §6.2: a client does not take the server's certificate
_REFUSED = (
    "^client fatal (bad_certificate|unsupported_certificate|certificate_revoked|"
    "certificate_expired|certificate_unknown|unknown_ca)"
)


class _Grade(NamedTuple):
    """How bad something is, and how bad between servers."""

    usual: Severity
    on_relay: Severity


def _old_versions(facts: Facts) -> pd.DataFrame:
    def grade(weakness: str) -> _Grade:
        is_ssl = weakness.startswith(Weakness.OLD_VERSION.of("SSL"))
        return _Grade(_HIGH, _MEDIUM) if is_ssl else _Grade(_MEDIUM, _LOW)

    shown = _weaknesses(facts, "tls_offered_versions", codes=[Weakness.OLD_VERSION])
    seen = (
        shown["value"] + "; the client offered " + joined(shown["tls_offered_versions"])
    )
    return _hits(facts, shown, grade, seen.fillna(shown["value"]))


def _weak_ciphers(facts: Facts) -> pd.DataFrame:
    def grade(weakness: str) -> _Grade:
        if weakness.startswith(Weakness.WEAK_CIPHER):
            return _Grade(_MEDIUM, _LOW)
        # between servers, nobody needs to know who the other one is
        is_usual = weakness == Weakness.BROKEN_CIPHER.of("anon")
        return _Grade(_HIGH, _INFO if is_usual else _MEDIUM)

    codes = [Weakness.BROKEN_CIPHER, Weakness.WEAK_CIPHER]
    shown = _weaknesses(facts, "tls_cipher", codes=codes)
    return _hits(facts, shown, grade, shown["tls_cipher"])


def _no_forward_secrecy(facts: Facts) -> pd.DataFrame:
    shown = _weaknesses(facts, "tls_cipher", codes=[Weakness.NO_FORWARD_SECRECY])
    return _hits(facts, shown, lambda _: _Grade(_LOW, _INFO), shown["tls_cipher"])


def _weak_keys(facts: Facts) -> pd.DataFrame:
    def grade(weakness: str) -> _Grade:
        size = re.search("(?:RSA|DSA|DH) ([0-9]{1,9})$", weakness)
        usual = _HIGH if size is not None and int(size[1]) < 1024 else _MEDIUM
        of_certificate = weakness.startswith(Weakness.SHORT_KEY)
        return _Grade(usual, _INFO if of_certificate else _LOW)

    shown = _weaknesses(facts, codes=[Weakness.SHORT_KEY, Weakness.WEAK_GROUP])
    return _hits(facts, shown, grade, shown["value"])


def _weak_signatures(facts: Facts) -> pd.DataFrame:
    def grade(weakness: str) -> _Grade:
        of_certificate = weakness.startswith(Weakness.WEAK_CERT_SIGNATURE)
        return _Grade(_MEDIUM if of_certificate else _LOW, _INFO)

    codes = [Weakness.WEAK_SIGNATURE, Weakness.WEAK_CERT_SIGNATURE]
    shown = _weaknesses(facts, codes=codes)
    return _hits(facts, shown, grade, shown["value"])


def _failed_handshakes(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    established = is_true(sessions["tls_established"])
    succeeded = np.isin(facts.pairs, facts.pairs[established])
    # what is missing may have been the rest of it
    has_failed = is_true(sessions["tls_failed_after"].notna()) & ~facts.has_gaps
    shown = sessions.where(has_failed, "tls_failed_after")
    refused = sessions.has_item("tls_alerts", _REFUSED)[shown["session"]]
    severity = pd.Series(_LOW.value, shown.index)
    severity = severity.mask(succeeded[shown["session"]], _INFO.value)
    severity = severity.mask(refused, _MEDIUM.value)
    alerts = joined(facts.of_session(shown, "tls_alerts"))
    # each begins with who sent it
    side = alerts.str.replace(" .*", "", regex=True)
    seen = "came to nothing after " + shown["tls_failed_after"]
    return facts.hits(
        shown,
        **places(facts, shown, "tls_alert_frame", "tls_frame"),
        side=side,
        severity=severity.mask(facts.is_relay[shown["session"]], _INFO.value),
        seen=(seen + ": " + alerts).fillna(seen),
    )


def _not_post_quantum(facts: Facts) -> pd.DataFrame:
    sessions = facts.sessions
    has_none = sessions["tls_group"].isna() & sessions["tls_version"].isin(
        _WITHOUT_GROUP
    )
    is_weak = is_true(~sessions["tls_post_quantum"]) | is_true(has_none)
    shown = sessions.where(
        is_weak & is_true(sessions["tls_established"]), "tls_group", "tls_cipher"
    )
    offered = sessions.has_item("tls_offered_groups", "MLKEM|Kyber")
    offer = pd.Series(
        np.where(
            offered[shown["session"]],
            ", and the client offered better",
            ", and the client offered nothing better",
        ),
        shown.index,
    )
    seen = shown["tls_group"].fillna(shown["tls_cipher"]) + offer
    place = places(facts, shown, "tls_frame")
    return facts.hits(shown, **place, side="server", seen=seen)


def _weaknesses(facts: Facts, *columns: str, codes: list[Weakness]) -> pd.DataFrame:
    """Return what is weak: in `item` with its code, in `value` without."""
    pattern = f"^({'|'.join(codes)})(=|$)"
    shown = facts.sessions.items("tls_weaknesses", pattern, *columns)
    return shown.assign(value=shown["item"].str.replace("^[^=]*=?", "", regex=True))


def _hits(
    facts: Facts,
    shown: pd.DataFrame,
    grade: Callable[[str], _Grade],
    seen: pd.Series[Any],
) -> pd.DataFrame:
    """Say that what is shown is weak, as badly as each `item` is graded."""
    codes, weaknesses = pd.factorize(shown["item"])
    grades = np.array([grade(each) for each in weaknesses], object).reshape(-1, 2)
    severity = grades[codes, facts.is_relay[shown["session"]].astype(np.int64)]
    of_hello = places(facts, shown, "tls_frame")
    of_chain = places(facts, shown, "cert_frame")
    is_of_chain = shown["item"].str.match(_OF_CERTIFICATES)
    place = {
        name: of_hello[name].mask(is_of_chain, of_chain[name]) for name in of_hello
    }
    return facts.hits(shown, **place, severity=severity, side="server", seen=seen)


def places(facts: Facts, shown: pd.DataFrame, *names: str) -> dict[str, pd.Series[Any]]:
    """Return where sessions show something of their handshake.

    Args:
        facts: all that is known.
        shown: rows of sessions.
        names: columns of packets; the first that is known counts.
    """
    frames = [facts.of_session(shown, name) for name in names]
    capture, frame = facts.of_session(shown, "tls_capture"), frames[0]
    for other in frames[1:]:
        frame = frame.fillna(other)
    is_known = frame.notna()
    return {
        "capture": capture.where(is_known, shown["capture"]),
        "frame": frame.where(is_known, shown["first_frame"]),
    }


def joined(lists: pd.Series[Any]) -> pd.Series[Any]:
    """Return lists as texts; null for empty ones."""
    texts = compute.binary_join(pa.array(lists), ", ")
    is_empty = compute.equal(compute.binary_length(texts), 0)
    texts = compute.if_else(is_empty, pa.scalar(None, texts.type), texts)
    return pd.Series(texts, lists.index, dtype=pd.ArrowDtype(texts.type))


RULES = (
    Rule(
        "tls-obsolete-version",
        THEME,
        "Server agrees on an obsolete version of TLS",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.SERVER,
        "Accept TLS 1.2 and 1.3 only. Clients that know neither must be replaced.",
        "The version in the ServerHello, not one that a client offers: high for SSL, "
        "one less between servers.",
        _old_versions,
        ("RFC 8996", "RFC 8997", "RFC 7568"),
        SERVER,
    ),
    Rule(
        "tls-weak-cipher",
        THEME,
        "Server agrees on a weak cipher suite",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.SERVER,
        "Take suites without encryption, without authentication, of export grade, with "
        "RC4, DES or 3DES out of the server's list.",
        "The suite in the ServerHello: high if it is broken, medium if it is weak, "
        "less between servers, where suites without authentication are usual.",
        _weak_ciphers,
        (_RFC_9325 + "4.1", "RFC 7465", "CVE-2016-2183", "RFC 7435"),
        SERVER,
    ),
    Rule(
        "tls-no-forward-secrecy",
        THEME,
        "Server agrees on a key exchange without forward secrecy",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.SERVER,
        "Prefer ECDHE, and take suites with RSA key exchange out of the server's list.",
        "The suite in the ServerHello, or TLS 1.3 with an old secret alone: whoever "
        "records the traffic can read it once the key is stolen.",
        _no_forward_secrecy,
        (_RFC_9325 + "4.1",),
        SERVER,
    ),
    Rule(
        "tls-weak-key",
        THEME,
        "Server uses a short key or a small group",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.SERVER,
        "Use certificates with RSA of 2048 bits or more, or ECDSA; and ECDHE, or "
        "groups of DH of 2048 bits or more.",
        "The keys of the certificates, and the group in the key exchange: high below "
        "1024 bits, less between servers.",
        _weak_keys,
        (_RFC_9325 + "4.3", _RFC_9325 + "4.5", "CVE-2015-4000"),
        SERVER,
    ),
    Rule(
        "tls-weak-signature",
        THEME,
        "Server uses signatures with MD5 or SHA-1",
        Severity.MEDIUM,
        Confidence.PROVEN,
        Mender.SERVER,
        "Have the certificate signed with SHA-256 or better, and sign handshakes so.",
        "Signatures of certificates that are no roots: medium; that of the handshake: "
        "low. Between servers, where nobody checks them, info.",
        _weak_signatures,
        (_RFC_9325 + "4.5", "RFC 9155"),
        SERVER,
    ),
    Rule(
        "tls-handshake-failed",
        THEME,
        "TLS handshake failed",
        Severity.LOW,
        Confidence.PROVEN,
        Mender.SERVER,
        "The alert says what kept both sides from agreeing: mostly versions or a "
        "certificate that the client does not trust.",
        "A handshake that was captured in full and ended before both sides had "
        "finished: medium if the client refused the certificate, info between servers, "
        "or if the same client also succeeded.",
        _failed_handshakes,
        ("RFC 8446, section 6.2",),
        CLIENT_AT_PORT,
    ),
    Rule(
        "tls-not-post-quantum",
        THEME,
        "Key exchange that a quantum computer could break",
        Severity.INFO,
        Confidence.PROVEN,
        Mender.SERVER,
        "Turn X25519MLKEM768 on, in the server and in its clients.",
        "The group of a handshake that succeeded. What is recorded today may be read "
        "some day.",
        _not_post_quantum,
        ("NIST FIPS 203", "draft-ietf-tls-ecdhe-mlkem"),
        SERVER,
    ),
)
