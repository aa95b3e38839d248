"""mailtap's verdict on a chain beside that of `openssl verify`."""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.sessions.certificate_status import CertificateStatus
from analyzer.sessions.trust import Trust
from dissectors.tls.handshake.certificate import certificate_facts
from tests.support.chains.certificates import Plan, key
from tests.support.chains.faults import make_case
from tests.support.chains.openssl_verify import ask_openssl, pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from dissectors.events import Certificate
    from tests.support.chains.openssl_verify import Answer

_KINDS = {
    2: CertificateStatus.ISSUER_MISSING,
    9: CertificateStatus.NOT_YET_VALID,
    10: CertificateStatus.EXPIRED,
    18: CertificateStatus.SELF_SIGNED,
    19: CertificateStatus.UNTRUSTED_ROOT,
    20: CertificateStatus.ISSUER_MISSING,
    21: CertificateStatus.ISSUER_MISSING,
}


@dataclass(frozen=True)
class Comparison:
    """Both verdicts on a chain.

    Attributes:
        faults: what is wrong with it.
        kinds: mailtap's words for what OpenSSL found.
        rule: why they differ, if they do and that is meant.
    """

    faults: list[str]
    status: str | None
    answer: Answer
    kinds: set[CertificateStatus]
    rule: str | None

    @property
    def agrees(self) -> bool:
        return self.status in self.kinds


def _has_junk(comparison: Comparison, _: list[Certificate]) -> bool:
    return any("bytes added" in fault for fault in comparison.faults)


def _is_own_time(comparison: Comparison, _: list[Certificate]) -> bool:
    return (
        not comparison.answer.is_trusted
        and comparison.status
        in (CertificateStatus.EXPIRED, CertificateStatus.NOT_YET_VALID)
        and any(
            each in fault
            for fault in comparison.faults
            for each in ("years", "expired at 0", "not yet valid at 0")
        )
    )


def _is_unfit_issuer(comparison: Comparison, known: list[Certificate]) -> bool:
    if (comparison.status, comparison.kinds) != (
        CertificateStatus.INVALID,
        {CertificateStatus.ISSUER_MISSING},
    ):
        return False
    last = known[0]
    for _ in range(comparison.answer.depths[0]):
        last = next((each for each in known if each.subject == last.issuer), last)
    # of version 2, mailtap knows no name
    others = {each.subject for each in known if each.sha256 != last.sha256}
    return last.issuer in others or None in others


def _is_unreadable_extension(comparison: Comparison, _: list[Certificate]) -> bool:
    return comparison.status == CertificateStatus.INVALID and any(
        each in fault
        for fault in comparison.faults
        for each in ("no DER", "extension twice")
    )


def _is_odd_self_signature(comparison: Comparison, known: list[Certificate]) -> bool:
    return (
        comparison.status == CertificateStatus.SELF_SIGNED
        and comparison.kinds == {CertificateStatus.ISSUER_MISSING}
        and bool(known[0].self_signed)
    )


# where mailtap means to say something else
RULES: dict[str, Callable[[Comparison, list[Certificate]], bool]] = {
    "the server's own certificate is out of date, which is said first": _is_own_time,
    "an issuer of that name is there, and can't have signed": _is_unfit_issuer,
    "bytes follow a certificate: TLS refuses it, PEM has none": _has_junk,
    "an extension can't be read, of a server that is trusted itself": (
        _is_unreadable_extension
    ),
    "signed by itself, and yet it names another key": _is_odd_self_signature,
}


def compare(number: int) -> Comparison:
    """Make the case of a number, and have it judged by both."""
    case = make_case(number)
    sent, anchors = case.made(random.Random(number))
    answer = ask_openssl(sent, anchors, case.time)
    chain = [certificate_facts(each, 10).certificate for each in sent]
    known = chain + [certificate_facts(each, 10).certificate for each in anchors]
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        # somebody has to be trusted
        stranger = key("ec-secp256r1", 7)
        nobody = Plan("Nobody", stranger, "Nobody", stranger).make()
        Path(file.name).write_text("".join(map(pem, anchors or [nobody])))
        status = Trust(file.name).status(
            chain, int(case.time.timestamp()) * 1_000_000_000
        )
    kinds = {_KINDS.get(error, CertificateStatus.INVALID) for error in answer.errors}
    if not kinds:
        kinds = {
            CertificateStatus.VALID
            if answer.is_trusted
            else CertificateStatus.UNREADABLE
        }
    found = Comparison(case.faults, status, answer, kinds, None)
    rule = None
    if not found.agrees:
        rule = next((name for name, fits in RULES.items() if fits(found, known)), None)
    return Comparison(case.faults, status, answer, kinds, rule)
