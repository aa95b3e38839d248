from __future__ import annotations

import base64
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.credentials.sasl import SaslExchange, decode_base64
from dissectors.credentials.withheld import Withheld
from dissectors.events import AuthAttempted, Exposure, Outcome

DIGEST = b"b913a602c7eda7a495b4e6e7334d3890"
NTLM_NEGOTIATE = b"NTLMSSP\0\x01\0\0\0" + bytes(20)


def ntlm_authenticate(user: bytes, flags: int) -> bytes:
    """MS-NLMP §2.2.1.3: response and user behind a header of 64 bytes."""
    answer, name = (24, 24, 64), (len(user), len(user), 88)
    fields = struct.pack("<8xHHI8xHHI16x", *answer, *name)
    return b"NTLMSSP\0\x03\0\0\0" + fields + struct.pack("<I", flags) + bytes(24) + user


def begin(mechanism: str) -> SaslExchange:
    return SaslExchange(mechanism.encode(), Withheld(), {"X-OTHER", "X-SECRET"})


def attempt(mechanism: str, *responses: bytes) -> AuthAttempted:
    exchange = begin(mechanism)
    for response in responses:
        exchange.receive_response(base64.b64encode(response))
    return exchange.finish(Outcome.SUCCESS)


@pytest.mark.parametrize(
    ("mechanism", "responses", "user", "exposure"),
    [
        # RFC 4616 §4
        ("PLAIN", [b"\0tim\0tanstaaftanstaaf"], "tim", Exposure.PASSWORD),
        ("PLAIN", [b"Ursel\0Kurt\0xipj3plmq"], "Kurt", Exposure.PASSWORD),
        ("PLAIN", [b"ann\0\0pw"], "ann", Exposure.PASSWORD),
        ("PLAIN", [b"ann\0pw"], None, Exposure.PASSWORD),
        ("PLAIN", [b"\0\0pw"], None, Exposure.PASSWORD),
        ("PLAIN", [b"\0ann\0pw\0"], None, Exposure.PASSWORD),
        ("PLAIN", [b"\0ann:pw\0x"], None, Exposure.PASSWORD),
        ("PLAIN", [b"\0ann\rpw\0x"], None, Exposure.PASSWORD),
        ("PLAIN", ["\0ann\u00a0pw\0x".encode()], None, Exposure.PASSWORD),
        ("PLAIN", [b"\0ann\xa0pw\0x"], None, Exposure.PASSWORD),
        ("PLAIN", [b"pw"], None, Exposure.PASSWORD),
        ("PLAIN", [b"ann\0pw\0pw"], None, Exposure.PASSWORD),
        ("PLAIN", [b"pw\0ann\0pw"], "ann", Exposure.PASSWORD),
        ("PLAIN", [b"pw\0\0pw"], None, Exposure.PASSWORD),
        ("PLAIN", ["\0jörg\0pw".encode()], "jörg", Exposure.PASSWORD),
        ("LOGIN", [b"ann", b"pw"], "ann", Exposure.PASSWORD),
        # what is not followed by a password may be one
        ("LOGIN", [b"ann"], None, Exposure.NOTHING),
        ("LOGIN", [b"ann pw", b"x"], None, Exposure.PASSWORD),
        ("LOGIN", [b"", b"pw"], None, Exposure.PASSWORD),
        # RFC 2195 §2
        ("CRAM-MD5", [b"tim " + DIGEST], "tim", Exposure.OFFLINE),
        ("CRAM-MD5", [b"ann b " + DIGEST], "ann b", Exposure.OFFLINE),
        ("CRAM-MD5", [b"tim secret"], None, Exposure.OFFLINE),
        ("CRAM-MD5", [b"tim " + DIGEST + b" "], None, Exposure.OFFLINE),
        # RFC 2831 §4
        (
            "DIGEST-MD5",
            [b'charset=utf-8,username="chris",realm="x",response=' + DIGEST, b""],
            "chris",
            Exposure.OFFLINE,
        ),
        (
            "DIGEST-MD5",
            [rb'username="a\"b",response=' + DIGEST],
            'a"b',
            Exposure.OFFLINE,
        ),
        ("DIGEST-MD5", [b'username="open'], None, Exposure.OFFLINE),
        (
            "DIGEST-MD5",
            [b'realm=x username="pw",response=' + DIGEST],
            None,
            Exposure.OFFLINE,
        ),
        # RFC 5802 §5
        (
            "SCRAM-SHA-1",
            [b"n,,n=us=2Cer=3D,r=fyko", b"c=biws,r=fyko3rfc,p=v0X8v3"],
            "us,er=",
            Exposure.OFFLINE,
        ),
        ("SCRAM-SHA-256-PLUS", [b"p=tls-unique,,n=ann,r=x"], "ann", Exposure.NOTHING),
        (
            "NTLM",
            [NTLM_NEGOTIATE, ntlm_authenticate("jörg".encode("utf-16-le"), 1)],
            "jörg",
            Exposure.OFFLINE,
        ),
        (
            "NTLM",
            [NTLM_NEGOTIATE, ntlm_authenticate(b"ann", 0)],
            "ann",
            Exposure.OFFLINE,
        ),
        ("NTLM", [NTLM_NEGOTIATE], None, Exposure.NOTHING),
        # its user would be in its answer to the challenge, or outside
        (
            "NTLM",
            [NTLM_NEGOTIATE, ntlm_authenticate(b"ann", 0).replace(b"\x58", b"\x40")],
            None,
            Exposure.OFFLINE,
        ),
        (
            "NTLM",
            [NTLM_NEGOTIATE, ntlm_authenticate(b"ann", 0)[:-1]],
            None,
            Exposure.OFFLINE,
        ),
        (
            "XOAUTH2",
            [b"user=ann@example.com\x01auth=Bearer ya29\x01\x01"],
            "ann@example.com",
            Exposure.TOKEN,
        ),
        ("XOAUTH2", [b"user=ann auth=Bearer ya29"], None, Exposure.TOKEN),
        ("XOAUTH2", [b"user=ann\x01auth=Bearer ya29"], None, Exposure.TOKEN),
        # RFC 7628 §4.1
        (
            "OAUTHBEARER",
            [b"n,a=ann@example.com,\x01host=x\x01auth=Bearer ya29\x01\x01"],
            "ann@example.com",
            Exposure.TOKEN,
        ),
        ("OAUTHBEARER", [b"n,,\x01auth=Bearer ya29\x01\x01"], None, Exposure.TOKEN),
        # any text would fit
        ("EXTERNAL", [b"ann"], None, Exposure.NOTHING),
        ("ANONYMOUS", [b"trace@example.com"], "trace@example.com", Exposure.NOTHING),
        ("GSSAPI", [b"`\x82"], None, Exposure.OFFLINE),
        ("X-OTHER", [b"ann"], None, Exposure.NOTHING),
    ],
)
def test_mechanism_shows_user(
    mechanism: str, responses: list[bytes], user: str | None, exposure: Exposure
) -> None:
    told = replace(attempt(mechanism, *responses), authzid=None)
    assert told == AuthAttempted(mechanism, user, Outcome.SUCCESS, exposure)


@pytest.mark.parametrize(
    ("mechanism", "responses", "user", "authzid"),
    [
        # RFC 4616 §4: Kurt acts as Ursel
        ("PLAIN", [b"Ursel\0Kurt\0xipj3plmq"], "Kurt", "Ursel"),
        ("PLAIN", [b"\0tim\0tanstaaftanstaaf"], "tim", None),
        ("PLAIN", [b"ann\0\0pw"], "ann", "ann"),
        ("PLAIN", [b"pw\0ann\0pw"], "ann", None),
        # RFC 2831 §2.1.2
        (
            "DIGEST-MD5",
            [b'username="chris",authzid="postmaster",response=' + DIGEST],
            "chris",
            "postmaster",
        ),
        # RFC 5802 §7, RFC 5801 §4
        ("SCRAM-SHA-1", [b"n,a=ad=2Cmin,n=ann,r=x"], "ann", "ad,min"),
        ("SCRAM-SHA-256", [b"y,,m=ext,n=ann,r=x"], "ann", None),
        # RFC 7628 §3.1
        ("OAUTHBEARER", [b"n,a=ann@x,\x01auth=Bearer t\x01\x01"], "ann@x", "ann@x"),
        # RFC 2444 §3
        ("OTP", [b"root\0ann", b"hex:8720 33d4"], "ann", "root"),
        # RFC 4422 appendix A.1
        ("EXTERNAL", [b"fred@example.com"], "fred@example.com", "fred@example.com"),
        ("LOGIN", [b"ann", b"pw"], "ann", None),
    ],
)
def test_mechanism_shows_authorisation_identity(
    mechanism: str, responses: list[bytes], user: str, authzid: str | None
) -> None:
    told = attempt(mechanism, *responses)
    assert (told.user, told.authzid) == (user, authzid)


def test_ntlm_shows_domain() -> None:
    """MS-NLMP §2.2.1.3: DomainNameFields at 28."""
    domain, user = "CORP".encode("utf-16-le"), "ann".encode("utf-16-le")
    fields = struct.pack("<8x9H", 24, 24, 64, 0, 8, 8, 88, 0, 6)
    fields += struct.pack("<HI16xI", 6, 96, 1)
    message = b"NTLMSSP\0\x03\0\0\0" + fields + bytes(24) + domain + user
    assert attempt("NTLM", NTLM_NEGOTIATE, message).user == "CORP\\ann"


@pytest.mark.parametrize(
    ("mechanism", "exposure"),
    [
        ("GSS-SPNEGO", Exposure.OFFLINE),
        ("KERBEROS_V4", Exposure.OFFLINE),
        ("XOAUTH", Exposure.TOKEN),
        ("X-SECRET", Exposure.NOTHING),
    ],
)
def test_mechanism_that_hides_the_user_exposes_something(
    mechanism: str, exposure: Exposure
) -> None:
    told = attempt(mechanism, b"\x60\x82\x01")
    assert (told.user, told.exposure) == (None, exposure)


@pytest.mark.parametrize("mechanism", ["PLAIN", "XOAUTH2", "CRAM-MD5", "GSSAPI"])
def test_withheld_or_cancelled_response_exposes_nothing(mechanism: str) -> None:
    exchange = begin(mechanism)
    exchange.receive_initial_response(b"=")
    exchange.receive_challenge(b"")
    exchange.receive_response(b"*")
    assert exchange.finish(Outcome.UNKNOWN) == AuthAttempted(
        mechanism, None, Outcome.FAILURE, Exposure.NOTHING
    )


def test_password_that_is_no_base64_is_exposed_all_the_same() -> None:
    exchange = begin("PLAIN")
    exchange.receive_response(b"pa$$ word")
    assert exchange.finish(Outcome.FAILURE).exposure is Exposure.PASSWORD


@pytest.mark.parametrize(
    ("word", "mechanism", "exposure"),
    [
        (b"cram-md5", "CRAM-MD5", Exposure.NOTHING),
        (b"X-OTHER", "X-OTHER", Exposure.NOTHING),
        # nobody knows or offers these
        (b"SECRET", "***", Exposure.NOTHING),
        (b"x" * 1000, "***", Exposure.PASSWORD),
        (b"AGFubgBwdw==", "***", Exposure.PASSWORD),
        (b"PLAIN\xa0x", "***", Exposure.PASSWORD),
    ],
)
def test_mechanism_is_known_or_offered(
    word: bytes, mechanism: str, exposure: Exposure
) -> None:
    exchange = SaslExchange(word, Withheld(), {"X-OTHER"})
    assert (exchange.mechanism, exchange.exposure) == (mechanism, exposure)


def test_login_gives_user_in_initial_response() -> None:
    exchange = begin("LOGIN")
    exchange.receive_initial_response(base64.b64encode(b"ann"))
    exchange.receive_challenge(base64.b64encode(b"Password:"))
    exchange.receive_response(base64.b64encode(b"pw"))
    assert exchange.finish(Outcome.FAILURE) == AuthAttempted(
        "LOGIN", "ann", Outcome.FAILURE, Exposure.PASSWORD
    )


def test_login_asked_for_password_at_once_shows_no_user() -> None:
    exchange = begin("LOGIN")
    exchange.receive_challenge(base64.b64encode(b"Password:"))
    exchange.receive_response(base64.b64encode(b"pw"))
    assert exchange.user is None


@pytest.mark.parametrize("prompt", [b"Password:", b"Kennwort:"])
def test_login_that_may_be_asked_for_the_password_first_shows_no_user(
    prompt: bytes,
) -> None:
    exchange = begin("LOGIN")
    exchange.receive_challenge(base64.b64encode(prompt))
    exchange.receive_response(base64.b64encode(b"pw"))
    exchange.receive_challenge(b"")
    exchange.receive_response(base64.b64encode(b"ann"))
    told = exchange.finish(Outcome.SUCCESS)
    assert (told.user, told.exposure) == (None, Exposure.PASSWORD)


@pytest.mark.parametrize(
    ("prompts", "user"),
    [
        ([b"User Name\0", b""], "ann"),
        ([b"", b"Password:"], "ann"),
        ([b"", b""], None),
        ([b"", b"Username:"], None),
        ([b"?", b"?"], None),
        ([b"?", b"Username:"], None),
        # the password comes third
        ([b"", b"", b"Password:"], None),
    ],
)
def test_login_shows_the_user_if_a_prompt_tells_which_response_it_is(
    prompts: list[bytes], user: str | None
) -> None:
    exchange = begin("LOGIN")
    for prompt, response in zip(prompts, (b"ann", b"pw", b"pw2"), strict=False):
        exchange.receive_challenge(base64.b64encode(prompt))
        exchange.receive_response(base64.b64encode(response))
    told = exchange.finish(Outcome.SUCCESS)
    assert (told.user, told.exposure) == (user, Exposure.PASSWORD)


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        ("CRAM-MD5", b"secret " + DIGEST),
        ("DIGEST-MD5", b'username="secret",response=' + DIGEST),
    ],
)
def test_initial_response_of_a_mechanism_that_has_none_shows_no_user(
    mechanism: str, response: bytes
) -> None:
    exchange = begin(mechanism)
    exchange.receive_initial_response(base64.b64encode(response))
    assert exchange.finish(Outcome.FAILURE).user is None


def test_login_with_a_gap_shows_no_user() -> None:
    exchange = begin("LOGIN")
    exchange.receive_challenge(base64.b64encode(b"Username:"))
    exchange.receive_gap()
    exchange.receive_response(base64.b64encode(b"pw"))
    told = exchange.finish(Outcome.SUCCESS)
    assert (told.user, told.exposure) == (None, Exposure.PASSWORD)


@pytest.mark.parametrize(
    "line", [b"!!!AGFubgBwdw==", b"AGFubgBwdw", b"AGFu\rbgBwdw==", b"AGFu bgBwdw=="]
)
def test_response_that_is_no_base64_shows_no_user(line: bytes) -> None:
    exchange = begin("PLAIN")
    exchange.receive_response(line)
    assert exchange.finish(Outcome.SUCCESS).user is None


def test_empty_initial_response_exposes_nothing() -> None:
    exchange = begin("PLAIN")
    exchange.receive_initial_response(b"=")
    assert exchange.finish(Outcome.UNKNOWN).exposure is Exposure.NOTHING


def test_client_cancels() -> None:
    exchange = begin("PLAIN")
    exchange.receive_response(b"*")
    assert exchange.cancelled
    assert exchange.finish(Outcome.UNKNOWN) == AuthAttempted(
        "PLAIN", None, Outcome.FAILURE, Exposure.NOTHING
    )


@pytest.mark.parametrize(
    ("line", "decoded"),
    [
        (b"YW5u", b"ann"),
        (b"YW5uYQ==", b"anna"),
        (b"YW5uYQ", b"anna"),
        (b"YW5uY", b"ann"),
        (b"YW*5u", b"ann"),
        (b"*", b""),
        (b"", b""),
    ],
)
def test_base64_is_decoded_as_far_as_possible(line: bytes, decoded: bytes) -> None:
    assert decode_base64(line) == decoded


@given(
    st.sampled_from(
        ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "NTLM", "XOAUTH2"]
    ),
    st.lists(st.binary(max_size=100), max_size=4),
)
def test_any_response_is_tolerated(mechanism: str, responses: list[bytes]) -> None:
    exchange = begin(mechanism)
    for response in responses:
        exchange.receive_challenge(response)
        exchange.receive_response(response)
        exchange.receive_response(base64.b64encode(response))
    assert exchange.finish(Outcome.UNKNOWN).mechanism == mechanism
