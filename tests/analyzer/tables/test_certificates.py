from __future__ import annotations

from analyzer.sessions.rows import ShownCertificates
from analyzer.tables import schema
from analyzer.tables.certificates import CertificateBuilder, merge_certificates
from dissectors.events import Certificate
from tests.support.analyses import rows_of

OWN = Certificate(b"own", "aa", "CN=own", not_before_ns=-5, not_after_ns=2**63 - 1)
ISSUER = Certificate(b"issuer", "bb", "CN=issuer", self_signed=True)


def table(*shown: tuple[str, int, str, Certificate]) -> CertificateBuilder:
    made = CertificateBuilder(schema.CERTIFICATES.arrow)
    for session, start_ns, role, certificate in shown:
        made.extend([ShownCertificates(session, start_ns, [(role, certificate)])])
    return made


def test_certificate_is_listed_once_with_its_sessions() -> None:
    one = table(("s1", 10, "server", OWN), ("s2", 20, "server", OWN)).finish()
    two = table(("s0", 5, "server-chain", ISSUER), ("s3", 7, "client", OWN)).finish()
    merged = merge_certificates([one, two])
    assert merged.schema == schema.CERTIFICATES.arrow
    issuer, own = merged.to_pylist()
    assert (issuer["sha256"], issuer["session_count"]) == ("bb", 1)
    assert own["sessions"] == ["s1", "s2", "s3"]
    assert own["session_count"] == 3
    assert own["shown_as"] == ["client", "server"]
    seen = merged.column("first_seen").cast("int64").to_pylist()
    assert seen == [5, 7]
    assert merged.column("last_seen").cast("int64").to_pylist() == [5, 20]
    assert merged.column("not_after").cast("int64").to_pylist() == [None, 2**63 - 1]


def test_certificate_counts_once_in_a_session() -> None:
    made = CertificateBuilder(schema.CERTIFICATES.arrow)
    shown = [("server", OWN), ("server-chain", OWN)]
    made.extend([ShownCertificates("s", 1, shown)])
    (row,) = made.finish().to_pylist()
    assert (row["session_count"], row["shown_as"]) == (
        1,
        ["server", "server-chain"],
    )


def test_sessions_are_limited_and_all_counted() -> None:
    made = CertificateBuilder(schema.CERTIFICATES.arrow)
    for number in range(10_010):
        made.extend([ShownCertificates(f"s{number}", number, [("server", OWN)])])
    (row,) = made.finish().to_pylist()
    assert len(row["sessions"]) == 10_000
    assert row["session_count"] == 10_010


def test_chain_of_a_capture_is_listed() -> None:
    own, root = sorted(
        rows_of("imap-starttls", "certificates"), key=lambda r: r["is_ca"]
    )
    (session,) = rows_of("imap-starttls")
    assert own["subject"] == session["cert_subject"]
    assert own["sha256"] == session["cert_sha256"]
    assert own["sessions"] == root["sessions"] == [session["session_id"]]
    assert (own["shown_as"], root["shown_as"]) == (["server"], ["server-chain"])
    assert root["self_signed"]
