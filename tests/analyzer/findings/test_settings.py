from __future__ import annotations

from analyzer.findings.settings import RuleSettings, Settings


def test_rule_of_which_nothing_was_said_is_asked() -> None:
    settings = Settings(rules={"other": RuleSettings(enabled=False)})

    assert settings.of("some-rule") == RuleSettings()
    assert not settings.of("other").enabled
