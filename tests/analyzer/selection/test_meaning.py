from __future__ import annotations

import pytest

from analyzer.selection.condition import Condition
from analyzer.selection.mistake import ConditionError
from analyzer.tables.schema import SESSIONS


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("service", "service is a text: compare it with something"),
        ("duration_s and complete", "duration_s is a number: compare it"),
        ("not service", "service is a text: compare it"),
        ("duration_s > 'x'", "duration_s is a number, and 'x' is a text"),
        ("'x' < duration_s", "duration_s is a number, and 'x' is a text"),
        ("service > 5", "service is a text, and 5 is a number"),
        ("complete = 1", "complete is true or false, and 1 is a number"),
        ("complete < true", "complete is true or false"),
        ("start > 5", "start is a time, and 5 is a number"),
        ("start > 'yesterday'", "a time is written as 2026-01-31"),
        ("end - start > '5 parsecs'", "an interval is written as '90 days'"),
        (
            "duration_s > interval '1 second'",
            "duration_s is a number, and this is an interval",
        ),
        ("start + '1 day' > end", "a time + a text means nothing: write INTERVAL '1 d"),
        ("start + end > end", "a time + a time means nothing"),
        ("service + 1 > 1", "a text + a number means nothing"),
        ("service between 1 and 2", "service is a text, and 1 is a number"),
        ("server_port in (25, '143')", "server_port is a number, and '143' is a text"),
        ("anomalies = 'x'", "anomalies is a list of texts: write 'x' IN anomalies"),
        ("anomalies in ('x')", "anomalies is a list of texts: write 'x' IN anomalies"),
        ("5 in anomalies", "anomalies is a list of texts, and 5 is a number"),
        ("'x' in service", "service is a text, and no list: write (...) around values"),
        ("duration_s like '5%'", "duration_s is a number, and no text"),
        ("reply_codes like '5%'", "reply_codes is a list of numbers, and no text"),
        ("service <<= '192.0.2.0/24'", "service is a text, no address"),
        ("client_ip <<= '192.0.2.0/33'", "'192.0.2.0/33' is no network"),
        ("client_ip = 'mail'", "'mail' is no address"),
        ("ended = 'clsed'", "ended is never 'clsed': did you mean closed?"),
        ("'clsed' = ended", "ended is never 'clsed': did you mean closed?"),
        (
            "role in ('relay', 'x')",
            "role is never 'x': it is relay, submission, access",
        ),
        ("-service = 'x'", "service is a text, no number"),
        ("lowr(service) = 'x'", "there is no function lowr: did you mean lower?"),
        ("sleep(5)", "there is no function sleep: there are lower, upper, length"),
        ("lower(service, 'x') = 'x'", "it is written as lower(auth_user)"),
        ("hour(service) = 1", "service is a text: the function is written as hour(st"),
        ("contains('x', service)", "name a column here"),
        ("contains(service, banner)", "write this out, in single quotes"),
        ("length(5) = 1", "5 is a number: the function is written as length(rcpt_to)"),
    ],
)
def test_what_does_not_fit_is_explained(condition: str, reason: str) -> None:
    with pytest.raises(ConditionError) as caught:
        Condition(condition, SESSIONS)

    assert caught.value.reason.startswith(reason)
