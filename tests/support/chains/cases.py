"""Chains of certificates as servers send them, and who is trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

from tests.support.chains.certificates import HOST, NOW, Plan, key, key_id

if TYPE_CHECKING:
    import datetime as dt
    import random


@dataclass
class Case:
    """A chain as it was sent, and who is trusted.

    Attributes:
        plans: from the server's own certificate up to the root.
        faults: names of what was done to it.
        sent: how it is presented, made of the plans.
        anchors: who is trusted.
    """

    plans: list[Plan]
    faults: list[str] = field(default_factory=list)
    extra: list[Plan] = field(default_factory=list)
    time: dt.datetime = NOW
    missing: set[int] = field(default_factory=set)
    root_sent: bool = False
    shuffled: bool = False
    doubled: bool = False
    anchors: list[int] = field(default_factory=lambda: [-1])

    def made(self, random_: random.Random) -> tuple[list[bytes], list[bytes]]:
        """The certificates as sent, and those that are trusted, in DER."""
        made = [plan.make() for plan in self.plans]
        upper = [
            each
            for level, each in enumerate(made)
            if level
            and level not in self.missing
            and (self.root_sent or level < len(made) - 1)
        ]
        upper += [plan.make() for plan in self.extra]
        if self.shuffled:
            random_.shuffle(upper)
        if self.doubled:
            upper += upper
            upper.insert(0, made[0])
        anchors = [level for level in self.anchors if not self.plans[level].damage]
        return [made[0], *upper], [made[level] for level in anchors]


KINDS = (
    *("rsa2048", "rsa2048", "rsa1024", "rsa3072", "ec-secp256r1", "ec-secp256r1"),
    *("ec-secp384r1", "ec-secp521r1", "ec-secp192r1", "ec-secp256k1"),
    *("dsa", "ed25519", "ed448"),
)


def usage(*, sign: bool, critical: bool = True) -> tuple[x509.KeyUsage, bool]:
    return (
        x509.KeyUsage(
            digital_signature=not sign,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=sign,
            crl_sign=sign,
            encipher_only=False,
            decipher_only=False,
        ),
        critical,
    )


def healthy(random_: random.Random) -> Case:
    """A chain without a fault: a server, up to three authorities, and a root."""
    names = [HOST, *[f"CA {each}" for each in range(random_.randint(0, 3))], "Root"]
    keys = [key(random_.choice(KINDS), level) for level in range(len(names))]
    plans = []
    for level, (name, own) in enumerate(zip(names, keys, strict=True)):
        above = min(level + 1, len(names) - 1)
        plan = Plan(
            name, own, names[above], keys[above], serial=random_.getrandbits(64)
        )
        plan.put(x509.BasicConstraints(level > 0, None), critical=level > 0)
        plan.put(x509.SubjectKeyIdentifier(key_id(own)))
        plan.put(x509.AuthorityKeyIdentifier(key_id(keys[above]), None, None))
        if level:
            value, critical = usage(sign=True)
            plan.put(value, critical=critical)
        else:
            plan.put(x509.SubjectAlternativeName([x509.DNSName(HOST)]))
            plan.put(x509.ExtendedKeyUsage([Usage.SERVER_AUTH]))
        plans.append(plan)
    return Case(plans)
