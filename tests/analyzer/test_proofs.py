"""Each rule finds what proves it, and nothing in what is nearly that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import analyzer
from analyzer.findings.registry import BUILTIN
from analyzer.findings.settings import RuleSettings, Settings
from tests.support.analyses import analysis_of
from tests.support.chains.openssl_verify import pem
from tests.support.findings import findings_of
from tests.support.proofs import PROOFS, ROOT, Proof
from tests.support.traffic import write_pcap

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.tables.results import Results
    from tests.support.proofs import Traffic

each_rule = pytest.mark.parametrize(
    ("rule", "proof"), PROOFS.items(), ids=PROOFS.keys()
)


def found_by(rule: str, analysis: Results) -> list[dict[str, Any]]:
    """What a rule finds, when no other one is asked."""
    others = {each: RuleSettings(enabled=each == rule) for each in PROOFS}
    return findings_of(analysis, Settings(rules=others))


def analysed(traffic: Traffic, folder: Path) -> Results:
    if isinstance(traffic, str):
        return analysis_of(traffic)
    trusted = folder / "ca.pem"
    trusted.write_text(pem(ROOT.make()))
    return analyzer.analyze(write_pcap(folder / "a.pcap", *traffic()), ca=trusted)


def test_every_rule_has_its_proof() -> None:
    assert list(PROOFS) == [rule.id for rule in BUILTIN]


@each_rule
def test_rule_finds_what_proves_it(rule: str, proof: Proof, tmp_path: Path) -> None:
    analysis = analysed(proof.found, tmp_path)

    found = found_by(rule, analysis)

    assert {each["rule"] for each in found} == {rule}
    assert all(each["evidence"] and each["session_count"] for each in found)


@each_rule
def test_rule_is_silent_where_it_is_nearly_so(
    rule: str, proof: Proof, tmp_path: Path
) -> None:
    analysis = analysed(proof.silent, tmp_path)

    assert found_by(rule, analysis) == []
    # there was something to look at
    assert len(analysis.tables["sessions"])
