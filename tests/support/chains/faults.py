"""What can be wrong with a chain of certificates."""

from __future__ import annotations

import ipaddress
import random
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

from tests.support.chains.cases import Case, healthy, usage
from tests.support.chains.certificates import (
    HOST,
    NOW,
    YEAR,
    Plan,
    der,
    extension,
    key,
    key_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _serves(names: Sequence[str]) -> x509.SubjectAlternativeName:
    kinds: list[x509.GeneralName] = []
    for name in names:
        if re.fullmatch(r"[0-9.]+|[0-9a-f:]+", name):
            kinds.append(x509.IPAddress(ipaddress.ip_address(name)))
        elif "@" in name:
            kinds.append(x509.RFC822Name(name))
        elif "//" in name:
            kinds.append(x509.UniformResourceIdentifier(name))
        else:
            kinds.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(kinds)


def _constrain(
    plan: Plan, *, permitted: bool, names: Sequence[x509.GeneralName]
) -> None:
    allowed, refused = (list(names), None) if permitted else (None, list(names))
    plan.put(x509.NameConstraints(allowed, refused), critical=True)


def _network(text: str) -> x509.IPAddress:
    return x509.IPAddress(ipaddress.ip_network(text))


def _use(plan: Plan, *purposes: x509.ObjectIdentifier) -> None:
    plan.put(x509.ExtendedKeyUsage(list(purposes)))


def _unknown(plan: Plan, *, critical: bool) -> None:
    plan.more.append(("1.3.6.1.4.1.99999.1", critical, der(5)))


def _cross_sign(case: Case, random_: random.Random) -> None:
    """Add another way up, by an authority of the same name and key."""
    level = random_.randrange(1, len(case.plans))
    plan = case.plans[level]
    other = replace(
        plan,
        issuer="Other root",
        signer=key("ec-secp256r1", 9),
        extensions=dict(plan.extensions),
        more=list(plan.more),
        serial=99,
    )
    other.put(x509.AuthorityKeyIdentifier(key_id(key("ec-secp256r1", 9)), None, None))
    if random_.random() < 0.5:
        changed = random_.choice((plan, other))
        changed.ends = NOW - YEAR / 2
    case.extra.append(other)
    if random_.random() < 0.5:
        root = replace(
            case.plans[-1],
            subject="Other root",
            issuer="Other root",
            key=key("ec-secp256r1", 9),
            signer=key("ec-secp256r1", 9),
            extensions=dict(case.plans[-1].extensions),
        )
        root.put(x509.SubjectKeyIdentifier(key_id(root.key)))
        root.drop(x509.AuthorityKeyIdentifier)
        case.plans.append(root)
        case.missing.add(len(case.plans) - 1)
        case.anchors = random_.choice(([-1], [-2], [-1, -2]))


def _lose_bytes(made: bytes) -> bytes:
    return made[:-7]


def _spoil_length(made: bytes) -> bytes:
    return made[:3] + bytes((made[3] ^ 0x10,)) + made[4:]


def _spoil_name(made: bytes) -> bytes:
    return made.replace(b"Test", b"Te\xff\xfe", 1)


def _append(made: bytes) -> bytes:
    return made + b"junk"


def _sign_itself(plan: Plan) -> None:
    plan.signer, plan.issuer = plan.key, plan.subject


def _drop_identifiers(plan: Plan) -> None:
    plan.drop(x509.AuthorityKeyIdentifier)
    plan.drop(x509.SubjectKeyIdentifier)


def _distrust(case: Case, random_: random.Random) -> None:
    case.root_sent = random_.random() < 0.5
    case.anchors = []


def _self_sign(case: Case, random_: random.Random) -> None:
    _sign_itself(case.plans[0])
    case.plans[0].drop(x509.AuthorityKeyIdentifier)
    case.plans[0].digest = random_.choice(("sha256", "sha1", "md5"))
    case.anchors = random_.choice(([], [-1], [0]))


# what is done to one certificate
PLAN_FAULTS: dict[str, Callable[[Plan], object]] = {
    "expired": lambda plan: setattr(plan, "ends", NOW - YEAR / 3),
    "not yet valid": lambda plan: setattr(plan, "begins", NOW + YEAR / 3),
    "long valid": lambda plan: setattr(plan, "ends", NOW.replace(year=9999)),
    "SHA-1": lambda plan: setattr(plan, "digest", "sha1"),
    "MD5": lambda plan: setattr(plan, "digest", "md5"),
    "SHA-512": lambda plan: setattr(plan, "digest", "sha512"),
    "RSA-PSS": lambda plan: setattr(plan, "digest", "pss"),
    "path length 0": lambda plan: plan.put(x509.BasicConstraints(True, 0)),
    "path length 1": lambda plan: plan.put(x509.BasicConstraints(True, 1)),
    "no basic constraints": lambda plan: plan.drop(x509.BasicConstraints),
    "CA:FALSE": lambda plan: plan.put(x509.BasicConstraints(False, None)),
    "CA:TRUE": lambda plan: plan.put(x509.BasicConstraints(True, None)),
    "no key usage": lambda plan: plan.drop(x509.KeyUsage),
    "key usage to sign": lambda plan: plan.put(usage(sign=True)[0]),
    "key usage not to sign": lambda plan: plan.put(usage(sign=False)[0]),
    "no extended usage": lambda plan: plan.drop(x509.ExtendedKeyUsage),
    "usage for servers": lambda plan: _use(plan, Usage.SERVER_AUTH),
    "usage for mail": lambda plan: _use(plan, Usage.EMAIL_PROTECTION),
    "usage for clients": lambda plan: _use(plan, Usage.CLIENT_AUTH),
    "usage for both": lambda plan: _use(plan, Usage.CLIENT_AUTH, Usage.SERVER_AUTH),
    "any usage": lambda plan: _use(plan, Usage.ANY_EXTENDED_KEY_USAGE),
    "usage for SGC": lambda plan: _use(
        plan, x509.ObjectIdentifier("2.16.840.1.113730.4.1")
    ),
    "permits example.com": lambda plan: _constrain(
        plan, permitted=True, names=[x509.DNSName("example.com")]
    ),
    "permits example.net": lambda plan: _constrain(
        plan, permitted=True, names=[x509.DNSName("example.net")]
    ),
    "excludes example.com": lambda plan: _constrain(
        plan, permitted=False, names=[x509.DNSName("example.com")]
    ),
    "excludes .net": lambda plan: _constrain(
        plan, permitted=False, names=[x509.DNSName(".net")]
    ),
    "permits an address": lambda plan: _constrain(
        plan, permitted=True, names=[_network("192.0.2.0/24")]
    ),
    "excludes an address": lambda plan: _constrain(
        plan, permitted=False, names=[_network("192.0.2.0/28")]
    ),
    "permits mail": lambda plan: _constrain(
        plan, permitted=True, names=[x509.RFC822Name("example.com")]
    ),
    "excludes mail": lambda plan: _constrain(
        plan, permitted=False, names=[x509.RFC822Name("example.com")]
    ),
    "permits URIs": lambda plan: _constrain(
        plan, permitted=True, names=[x509.UniformResourceIdentifier("example.com")]
    ),
    "unknown critical": lambda plan: _unknown(plan, critical=True),
    "unknown": lambda plan: _unknown(plan, critical=False),
    "bad signature": lambda plan: setattr(plan, "bad_signature", True),
    "two algorithms": lambda plan: setattr(plan, "other_algorithm", True),
    "other issuer": lambda plan: setattr(plan, "issuer", "Somebody else"),
    "other signer": lambda plan: setattr(plan, "signer", key("ec-secp256r1", 8)),
    "own signer": _sign_itself,
    "other authority key": lambda plan: plan.put(
        x509.AuthorityKeyIdentifier(b"x" * 20, None, None)
    ),
    "other authority serial": lambda plan: plan.put(
        x509.AuthorityKeyIdentifier(
            None,
            [x509.DirectoryName(x509.Name.from_rfc4514_string("CN=x"))],
            5,
        )
    ),
    "other subject key": lambda plan: plan.put(x509.SubjectKeyIdentifier(b"y" * 20)),
    "no key identifiers": _drop_identifiers,
    "version 1": lambda plan: setattr(plan, "version", 1),
    "version 2": lambda plan: setattr(plan, "version", 2),
    "serial 0": lambda plan: setattr(plan, "serial", 0),
    "negative serial": lambda plan: setattr(plan, "serial", -7),
    "long serial": lambda plan: setattr(plan, "serial", 1 << 200),
    "wildcard": lambda plan: plan.put(_serves(["*.example.com"])),
    "many names": lambda plan: plan.put(
        _serves([HOST, "192.0.2.1", "2001:db8::1", "a@example.com", "http://a.example"])
    ),
    "address": lambda plan: plan.put(_serves(["192.0.2.77"])),
    "mail address": lambda plan: plan.put(_serves(["a@example.com"])),
    "odd names": lambda plan: plan.put(_serves(["m*.example.com", "a_b.example.com"])),
    "no names": lambda plan: plan.drop(x509.SubjectAlternativeName),
    "no subject": lambda plan: setattr(plan, "subject", ""),
    "bytes lost": lambda plan: setattr(plan, "damage", _lose_bytes),
    "wrong length": lambda plan: setattr(plan, "damage", _spoil_length),
    "name is no text": lambda plan: setattr(plan, "damage", _spoil_name),
    "bytes added": lambda plan: setattr(plan, "damage", _append),
    "constraints are no DER": lambda plan: plan.extensions.update(
        {"2.5.29.19": ("2.5.29.19", True, b"\x30\x05\x01")}
    ),
    "names are no DER": lambda plan: plan.extensions.update(
        {"2.5.29.17": ("2.5.29.17", False, b"junk")}
    ),
    "extension twice": lambda plan: plan.more.append(
        extension(x509.BasicConstraints(True, None))
    ),
}
# what is done to a chain as a whole
CASE_FAULTS: dict[str, Callable[[Case, random.Random], object]] = {
    "nobody above is sent": lambda case, _: case.missing.update(
        range(1, len(case.plans))
    ),
    "one is missing": lambda case, random_: case.missing.add(
        random_.randrange(1, len(case.plans))
    ),
    "root is sent": lambda case, _: setattr(case, "root_sent", True),
    "root is not trusted": _distrust,
    "wrong order": lambda case, _: setattr(case, "shuffled", True),
    "all twice": lambda case, _: setattr(case, "doubled", True),
    "cross-signed": _cross_sign,
    "an authority is trusted": lambda case, random_: setattr(
        case, "anchors", [random_.randrange(1, len(case.plans))]
    ),
    "server is trusted": lambda case, _: setattr(case, "anchors", [0]),
    "self-signed": _self_sign,
    "years later": lambda case, _: setattr(case, "time", NOW + 3 * YEAR),
    "years before": lambda case, _: setattr(case, "time", NOW - 3 * YEAR),
    "stranger is sent": lambda case, _: case.extra.append(
        Plan("Stranger", key("rsa2048", 9), "Stranger", key("rsa2048", 9))
    ),
}
FAULTS = (*PLAN_FAULTS, *CASE_FAULTS)


def make_case(number: int, seed: int = 0) -> Case:
    """Make one of endless cases: each fault alone in turn, then two or three."""
    random_ = random.Random(f"{seed} {number}")
    case = healthy(random_)
    count = 1 if number < 2 * len(FAULTS) else random_.randint(0, 3)
    names = [FAULTS[number % len(FAULTS)]]
    names = (names + random_.sample(FAULTS, 3))[:count]
    for name in names:
        if name in PLAN_FAULTS:
            # the server's, an authority's or the root's
            level = random_.choice((0, random_.randrange(len(case.plans)), 1))
            PLAN_FAULTS[name](case.plans[min(level, len(case.plans) - 1)])
            case.faults.append(f"{name} at {level} of {len(case.plans) - 1}")
        else:
            CASE_FAULTS[name](case, random_)
            case.faults.append(name)
    return case
