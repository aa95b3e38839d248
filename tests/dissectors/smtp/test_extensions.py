"""SMTP's extensions: parameters, proxies, LMTP, reversed roles, Exchange's verbs."""

from __future__ import annotations

import pytest

from dissectors.events import (
    Anomaly,
    ClientForwarded,
    Delivery,
    Exchange,
    ExchangeKind,
    ExtensionUsed,
    GreetingReceived,
    LoginOffered,
    MessageTransferred,
    RecipientGiven,
    SenderGiven,
)
from dissectors.smtp import SmtpDialogue
from tests.support.playbook import CLIENT, SERVER, Playbook, split_bytes

TLS_HELLO = bytes.fromhex("160301000501000001")


def greeted() -> Playbook:
    return Playbook(SmtpDialogue).server(b"220 mx.example.com ESMTP\r\n")


def enveloped(hello: bytes = b"EHLO x\r\n") -> Playbook:
    return (
        greeted()
        .client(hello)
        .server(b"250 mx.example.com\r\n")
        .client(b"MAIL FROM:<a@example.com>\r\n")
        .server(b"250 2.1.0 ok\r\n")
    )


def verbs_and_codes(play: Playbook) -> list[tuple[str | None, int | None]]:
    exchanges = sorted(play.events_of(Exchange), key=lambda each: each.number)
    return [(each.verb, each.reply_code) for each in exchanges]


def extensions(play: Playbook) -> set[str]:
    return {each.name for each in play.events_of(ExtensionUsed)}


# parameters


@pytest.mark.parametrize(
    ("argument", "parameters", "used"),
    [
        (b"<a@x> SIZE=500000", ["SIZE=500000"], {"SIZE"}),
        (b"<a@x> body=8BITMIME", ["BODY=8BITMIME"], {"8BITMIME"}),
        (b"<a@x> BODY=BINARYMIME", ["BODY=BINARYMIME"], {"BINARYMIME"}),
        (b"<a@x> SMTPUTF8 REQUIRETLS", ["SMTPUTF8", "REQUIRETLS"], {"SMTPUTF8"}),
        (b"<a@x> RET=HDRS ENVID=QQ1", ["RET=HDRS", "ENVID=QQ1"], {"DSN"}),
        (b"<a@x> BY=120;R", ["BY=120;R"], {"DELIVERBY"}),
        (b"<a@x> MT-PRIORITY=3", ["MT-PRIORITY=3"], {"MT-PRIORITY"}),
        (b"<a@x> HOLDFOR=86400", ["HOLDFOR=86400"], {"FUTURERELEASE"}),
        (b'<"a b> c"@x> AUTH=<>', ["AUTH=<>"], {"AUTH"}),
        (b"a@x SIZE=3", ["SIZE=3"], {"SIZE"}),
        (b"<a@x", [], set()),
        (b"<a@x> ,;=", [], set()),
    ],
)
def test_parameters_of_mail_are_read(
    argument: bytes, parameters: list[str], used: set[str]
) -> None:
    play = greeted().client(b"MAIL FROM:%b\r\n" % argument).server(b"250 ok\r\n")
    assert [each.parameters for each in play.events_of(SenderGiven)] == [parameters]
    assert used <= extensions(play)


def test_refused_parameter_is_not_used_and_not_kept_with_the_message() -> None:
    play = (
        greeted()
        .client(b"MAIL FROM:<a@x> SMTPUTF8\r\n")
        .server(b"555 5.5.4 unsupported\r\n")
        .client(b"MAIL FROM:<a@x> SIZE=9\r\n")
        .server(b"250 ok\r\n")
        .client(b"RCPT TO:<b@x> NOTIFY=NEVER ORCPT=rfc822;b+2B1@x\r\n")
        .server(b"250 ok\r\n")
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"x\r\n.\r\n")
        .server(b"250 ok\r\n")
    )
    assert extensions(play) == {"SIZE", "DSN"}
    (message,) = play.events_of(MessageTransferred)
    assert message.parameters == ["SIZE=9", "NOTIFY=NEVER", "ORCPT=rfc822;b+2B1@x"]
    assert message.verb == "DATA"
    assert message.begin_ns == message.time_ns


def test_parameters_do_not_reach_the_next_transaction() -> None:
    play = enveloped().client(b"RSET\r\nMAIL FROM:<b@x> SIZE=1\r\n")
    play.server(b"250 ok\r\n250 ok\r\n").client(b"BDAT 1 LAST\r\nx").server(
        b"250 k\r\n"
    )
    (message,) = play.events_of(MessageTransferred)
    assert (message.sender, message.parameters) == ("b@x", ["SIZE=1"])
    assert message.verb == "BDAT"


def test_second_mail_that_is_accepted_begins_anew() -> None:
    play = (
        enveloped()
        .client(b"RCPT TO:<old@x>\r\n")
        .server(b"250 ok\r\n")
        .client(b"MAIL FROM:<c@x>\r\nRCPT TO:<new@x>\r\nBDAT 1 LAST\r\nx")
        .server(b"250 ok\r\n250 ok\r\n250 ok\r\n")
    )
    (message,) = play.events_of(MessageTransferred)
    assert (message.sender, message.recipients) == ("c@x", ["new@x"])


# what is announced, and what is used


def test_mechanisms_are_offered_in_both_spellings() -> None:
    play = greeted().client(b"EHLO x\r\n")
    play.server(b"250-mx\r\n250-AUTH PLAIN LOGIN\r\n250 AUTH=LOGIN ntlm\r\n")
    assert [o.mechanisms for o in play.events_of(LoginOffered)] == [
        ["PLAIN", "LOGIN", "NTLM"]
    ]


def test_no_mechanism_is_offered() -> None:
    play = greeted().client(b"EHLO x\r\n").server(b"250 mx.example.com\r\n")
    assert [offered.mechanisms for offered in play.events_of(LoginOffered)] == [[]]


def test_client_pipelines() -> None:
    play = greeted().client(b"EHLO x\r\nNOOP\r\n").server(b"250 a\r\n250 ok\r\n")
    assert extensions(play) == {"PIPELINING"}


def test_client_waits_for_each_reply() -> None:
    assert extensions(enveloped()) == set()


def test_one_direction_does_not_prove_pipelining() -> None:
    play = Playbook(SmtpDialogue).client(b"EHLO x\r\n").client(b"NOOP\r\n").eof()
    assert extensions(play) == set()


def test_refused_verb_is_not_used() -> None:
    play = greeted().client(b"VRFY a\r\n").server(b"502 no\r\n")
    play.client(b"ETRN x.example\r\n").server(b"250 queueing\r\n")
    assert extensions(play) == {"ETRN"}


# proxies


def test_proxy_names_its_client_and_the_session_begins_anew() -> None:
    """Postfix, XCLIENT_README."""
    play = (
        enveloped()
        .client(b"XCLIENT NAME=spike.example ADDR=192.0.2.7 LOGIN=a+2Bb\r\n")
        .server(b"220 mx.example.com ESMTP\r\n")
        .client(b"BDAT 1 LAST\r\nx")
        .server(b"503 need MAIL\r\n")
    )
    assert play.events_of(ClientForwarded) == [
        ClientForwarded(["NAME=spike.example", "ADDR=192.0.2.7", "LOGIN=a+b"])
    ]
    assert len(play.events_of(GreetingReceived)) == 1
    assert [message.sender for message in play.events_of(MessageTransferred)] == [None]
    assert "XCLIENT" in extensions(play)


def test_refused_xforward_says_nothing() -> None:
    play = greeted().client(b"XFORWARD NAME=x\r\n").server(b"550 no\r\n")
    assert play.events_of(ClientForwarded) == []


# LMTP


def lmtp(client: bytes) -> Playbook:
    return greeted().client(b"LHLO x\r\n").server(b"250 mx\r\n").client(client)


ENVELOPE = b"MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nRCPT TO:<d@x>\r\n"


def recipients_and_codes(play: Playbook) -> list[tuple[str | None, int | None]]:
    exchanges = play.events_of(Exchange)
    return [
        (each.argument, each.reply_code)
        for each in exchanges
        if each.kind is ExchangeKind.MESSAGE
    ]


def test_lmtp_replies_name_their_recipients() -> None:
    """RFC 2033 §4.2: one reply for each recipient that was accepted."""
    play = lmtp(ENVELOPE + b"DATA\r\n")
    play.server(b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    play.client(b".\r\n").server(b"452 full\r\n250 ok\r\n")
    assert recipients_and_codes(play) == [("b@x", 452), ("d@x", 250)]


def test_lmtp_chunk_is_pipelined_and_answered_for_each_recipient() -> None:
    play = lmtp(ENVELOPE + b"BDAT 3\r\nabcBDAT 2 LAST\r\nxyQUIT\r\n")
    play.server(b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n250 3\r\n")
    play.server(b"250 b\r\n452 d\r\n221 bye\r\n")
    assert recipients_and_codes(play) == [("d@x", 452)]
    assert verbs_and_codes(play)[-3:-1] == [("BDAT", 250), ("QUIT", 221)]
    assert [m.outcome for m in play.events_of(MessageTransferred)] == [
        Delivery.ACCEPTED
    ]


# reversed roles


@pytest.mark.parametrize("turn", [b"TURN\r\n", b"ATRN example.org\r\n"])
def test_roles_are_reversed(turn: bytes) -> None:
    """RFC 821 §3.8, RFC 2645 §4.2."""
    play = (
        greeted()
        .client(turn)
        .server(b"250 ok\r\n")
        .client(b"220 client.example ESMTP\r\n")
        .server(b"EHLO mx.example.com\r\n")
        .client(b"250 client.example\r\n")
        .server(b"MAIL FROM:<q@x>\r\nRCPT TO:<r@x>\r\nDATA\r\n")
        .client(b"250 ok\r\n250 ok\r\n354 go\r\n")
        .server(b"Subject: x\r\n\r\nx\r\n.\r\n")
        .client(b"250 ok\r\n")
        .server(b"QUIT\r\n")
        .client(b"221 bye\r\n")
        .eof()
    )
    assert [s.address for s in play.events_of(SenderGiven)] == ["q@x"]
    assert [r.address for r in play.events_of(RecipientGiven)] == ["r@x"]
    (message,) = play.events_of(MessageTransferred)
    assert (message.facts.subject, message.outcome) == ("x", Delivery.ACCEPTED)
    assert [g.text for g in play.events_of(GreetingReceived)] == [
        "mx.example.com ESMTP"
    ]
    numbers = [each.number for each in play.events_of(Exchange)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_sides_of_a_reversed_session_keep_their_names() -> None:
    play = greeted().client(b"TURN\r\n").server(b"250 ok\r\n")
    play.client(b"220 x\r\nno reply\r\n")
    assert [(a.code, a.side) for a in play.events_of(Anomaly)] == [
        ("smtp_unexpected_line", CLIENT)
    ]


def test_bytes_behind_the_turn_belong_to_the_reversed_session() -> None:
    play = greeted().client(b"TURN\r\n").server(b"250 ok\r\nEHLO early\r\n")
    play.client(b"220 client.example\r\n250 client.example\r\n")
    assert ("EHLO", 250) in verbs_and_codes(play)


def test_bytes_behind_the_turn_without_line_end_belong_to_the_reversed_session() -> (
    None
):
    play = greeted().client(b"TURN").server(b"250 ok\r\nEHLO early\r\n")
    play.client(b"220 client.example\r\n250 client.example\r\n")
    assert ("EHLO", 250) in verbs_and_codes(play)


def test_challenge_in_the_place_of_a_turns_reply_keeps_nothing_back() -> None:
    play = greeted().client(b"NOOP\r\nTURN\r\n").server(b"334 x\n250 ok\nEHLO e\n")
    play.client(b"220 client.example\r\n250 client.example\r\n")
    assert ("EHLO", 250) in verbs_and_codes(play)


def test_turn_is_accepted_without_line_end() -> None:
    play = greeted().client(b"TURN\r\n").server(b"250")
    play.client(b"220 client.example\r\n").server(b"\r\nEHLO e\r\n")
    play.client(b"250 client.example\r\n")
    assert ("EHLO", 250) in verbs_and_codes(play)
    play.expect_same(split_bytes)


def test_refused_turn_reverses_nothing() -> None:
    play = greeted().client(b"TURN\r\n").server(b"502 no\r\n").client(b"NOOP\r\n")
    play.server(b"250 ok\r\n")
    assert verbs_and_codes(play)[1:] == [("TURN", 502), ("NOOP", 250)]


# Exchange, BURL


def test_xexch50_is_followed_by_so_many_octets() -> None:
    play = (
        enveloped()
        .client(b"XEXCH50 12 2\r\n")
        .server(b"354 Send binary data\r\n")
        .client(b"QUIT\r\n\0\1\2\3\4\5RCPT TO:<b@x>\r\n")
        .server(b"250 ok\r\n250 ok\r\n")
    )
    assert verbs_and_codes(play)[3:] == [
        ("XEXCH50", 354),
        ("XEXCH50", 250),
        ("RCPT", 250),
    ]
    assert play.events_of(Anomaly) == []


def test_refused_xexch50_has_no_octets() -> None:
    play = enveloped().client(b"XEXCH50 5 2\r\n").server(b"504 no\r\n")
    play.client(b"QUIT\r\n").server(b"221 bye\r\n")
    assert verbs_and_codes(play)[-1] == ("QUIT", 221)


def test_url_of_burl_grants_access_and_is_not_kept() -> None:
    """RFC 4468 §3: the URL is that of an authorised access (RFC 4467)."""
    url = b"imap://a@x/b;uid=1;urlauth=submit+a:internal:91354a473744909de610943775f9"
    play = enveloped().client(b"BURL " + url + b" LAST\r\n").server(b"250 ok\r\n")
    assert play.events_of(Exchange)[-1].argument == "*** LAST"
    assert "9135" not in str(play.run())


# 421, STARTTLS


def test_server_closes_in_the_middle_of_mail_data() -> None:
    """RFC 5321 §3.8: 421 may come at any time."""
    play = (
        enveloped()
        .client(b"DATA\r\n")
        .server(b"354 go\r\n")
        .client(b"Subject: x\r\n\r\nsecret")
        .server(b"421 4.4.2 timeout\r\n")
        .client(b" words\r\nnoop like\r\n.\r\n")
        .eof()
    )
    assert [m.outcome for m in play.events_of(MessageTransferred)] == [Delivery.CUT]
    assert (None, 421) in verbs_and_codes(play)
    assert "words" not in str(play.run())


def test_421_answers_the_oldest_command_and_nothing_the_rest() -> None:
    play = enveloped().client(b"RCPT TO:<b@x>\r\nRCPT TO:<c@x>\r\nDATA\r\n")
    play.server(b"421 bye\r\n").eof()
    assert verbs_and_codes(play)[3:] == [("RCPT", 421), ("RCPT", None), ("DATA", None)]


def test_tls_is_agreed_on_and_never_begins() -> None:
    play = greeted().client(b"STARTTLS\r\n").server(b"220 go\r\n").eof()
    assert [a.code for a in play.events_of(Anomaly)] == ["starttls_not_begun"]


def test_tls_begins_or_may_be_in_a_gap() -> None:
    agreed = greeted().client(b"STARTTLS\r\n").server(b"220 go\r\n")
    assert agreed.client(TLS_HELLO).eof().events_of(Anomaly) == []
    agreed = greeted().client(b"STARTTLS\r\n").server(b"220 go\r\n").gap(SERVER, 900)
    assert "starttls_not_begun" not in [a.code for a in agreed.eof().events_of(Anomaly)]
