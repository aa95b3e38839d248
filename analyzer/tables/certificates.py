"""The table of certificates: one row for each, with the sessions that showed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from analyzer.sessions.rows import ShownCertificates
    from dissectors.events import Certificate

# so many sessions are named; all are counted
_MAX_SESSIONS = 10_000


class CertificateBuilder:
    """Collects certificates."""

    def __init__(self, arrow: pa.Schema) -> None:
        self._arrow = arrow
        self._rows: dict[str, dict[str, Any]] = {}

    def extend(self, items: Iterable[ShownCertificates]) -> None:
        """Add what sessions showed."""
        for session_id, start_ns, shown in items:
            self._add(session_id, start_ns, shown)

    def _add(
        self, session_id: str, start_ns: int, shown: Iterable[tuple[str, Certificate]]
    ) -> None:
        roles: dict[str, list[str]] = {}
        for role, certificate in shown:
            fingerprint = certificate.sha256
            roles.setdefault(fingerprint, []).append(role)
            if fingerprint not in self._rows:
                self._rows[fingerprint] = _facts(certificate, start_ns)
        for fingerprint, shown_as in roles.items():
            row = self._rows[fingerprint]
            _count(row, shown_as, [session_id], 1, start_ns, start_ns)

    def finish(self) -> pa.Table:
        """Return one row for each, in the order of the schema."""
        for row in self._rows.values():
            _sort_sessions(row)
        return pa.Table.from_pylist(list(self._rows.values()), schema=self._arrow)


def merge_certificates(parts: Sequence[pa.Table]) -> pa.Table:
    """Join tables of certificates: one row for each, by when it was first seen."""
    merged: dict[str, dict[str, Any]] = {}
    # nanoseconds are more than a datetime can hold
    joined = pa.concat_tables(parts)
    for row in joined.cast(_with_numbers(joined.schema)).to_pylist():
        known = merged.setdefault(row["sha256"], row)
        if known is not row:
            _count(
                known,
                row["shown_as"],
                row["sessions"],
                row["session_count"],
                row["first_seen"],
                row["last_seen"],
            )
    for row in merged.values():
        _sort_sessions(row)
    ordered = sorted(merged.values(), key=_by_first_seen)
    return pa.Table.from_pylist(ordered, schema=joined.schema)


def certificates_of(certificates: pa.Table, sessions: pa.Table) -> pa.Table:
    """Return the certificates that some sessions showed, counted in these alone.

    Args:
        certificates: of all sessions.
        sessions: rows of `sessions`: a server's certificate is found by them, too, if
            more sessions showed it than it names.
    """
    # nanoseconds are more than a datetime can hold
    starts = dict(
        zip(
            sessions["session_id"].to_pylist(),
            sessions["start"].cast(pa.int64()).to_pylist(),
            strict=True,
        )
    )
    of_servers: dict[str, list[str]] = {}
    shown = sessions.select(["cert_sha256", "session_id"]).drop_null()
    for fingerprint, session_id in zip(*shown.to_pydict().values(), strict=True):
        of_servers.setdefault(fingerprint, []).append(session_id)
    rows = []
    for row in certificates.cast(_with_numbers(certificates.schema)).to_pylist():
        named = {each for each in row["sessions"] if each in starts}
        named.update(of_servers.get(row["sha256"], ()))
        if named:
            times = [starts[each] for each in named]
            row |= {"first_seen": min(times), "last_seen": max(times)}
            row |= {"session_count": len(named), "sessions": list(named)}
            _sort_sessions(row)
            rows.append(row)
    rows.sort(key=_by_first_seen)
    return pa.Table.from_pylist(rows, schema=certificates.schema)


def _by_first_seen(row: dict[str, Any]) -> tuple[int, str]:
    return row["first_seen"], row["sha256"]


def _facts(certificate: Certificate, start_ns: int) -> dict[str, Any]:
    return {
        "sha256": certificate.sha256,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "names": certificate.names,
        "not_before": certificate.not_before_ns,
        "not_after": certificate.not_after_ns,
        "key_type": certificate.key_type,
        "key_bits": certificate.key_bits,
        "signature_algorithm": certificate.signature_algorithm,
        "self_signed": certificate.self_signed,
        "is_ca": certificate.is_ca,
        "shown_as": [],
        "first_seen": start_ns,
        "last_seen": start_ns,
        "session_count": 0,
        "sessions": [],
    }


def _count(
    row: dict[str, Any],
    roles: Sequence[str],
    sessions: Sequence[str],
    count: int,
    first_ns: int,
    last_ns: int,
) -> None:
    row["shown_as"] = sorted({*row["shown_as"], *roles})
    row["sessions"] += sessions
    if len(row["sessions"]) > 2 * _MAX_SESSIONS:
        _sort_sessions(row)
    row["session_count"] += count
    row["first_seen"] = min(row["first_seen"], first_ns)
    row["last_seen"] = max(row["last_seen"], last_ns)


def _sort_sessions(row: dict[str, Any]) -> None:
    """Name the first ones by ID, so that it does not matter who counted them."""
    row["sessions"].sort()
    del row["sessions"][_MAX_SESSIONS:]


def _with_numbers(arrow: pa.Schema) -> pa.Schema:
    """Return the same columns, with nanoseconds instead of times."""
    types = [
        pa.int64() if pa.types.is_timestamp(field.type) else field.type
        for field in arrow
    ]
    return pa.schema(zip(arrow.names, types, strict=True))
