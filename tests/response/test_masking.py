"""What a step wrote is shown without secrets, in whichever of the usual forms it wrote them."""

import base64
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resile.response.masking import forms, masked, readable, shown

SECRETS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=12, max_size=40)


@given(secret=SECRETS, before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_base64_covers_a_secret_wherever_it_stands_in_what_was_encoded(
    secret: str, before: bytes, after: bytes
) -> None:
    told = base64.encodebytes(before + secret.encode() + after).decode()

    text = masked(told, {"KEY": secret})

    assert "[secret KEY]" in text
    # No sign is left that stands for whole bytes of it.
    left = text.replace("[secret KEY]", "").replace("\n", "")
    assert len(left) <= len(base64.b64encode(before)) + len(base64.b64encode(after)) + 4


@given(secret=SECRETS)
def test_every_form_is_covered_though_it_is_wrapped(secret: str) -> None:
    written = [
        secret,
        quote(secret, safe=""),
        quote(secret, safe="").lower(),
        quote_plus(secret),
        secret.encode().hex(),
    ]
    for form in written[:2] + written[3:]:
        wrapped = "\n".join(form[at : at + 3] for at in range(0, len(form), 3))

        assert masked(f"a {wrapped} b", {"KEY": secret}) == "a [secret KEY] b"


@pytest.mark.parametrize(
    "told",
    [
        """+ curl -H 'Token: it'\\''s (a) "secret"!'""",
        """+ curl -H Token: 'it'"'"'s (a) "secret"!'""",
        r"""it\'s\ \(a\)\ \"secret\"\!""",
        r"""{'token': 'it\'s (a) "secret"!'}""",
        "it's%20(a)%20%22secret%22!",
        "it&#39;s (a) &#34;secret&#34;!".replace("&#34;", "&quot;"),
        'it\'s (a) "secret"!',
    ],
)
def test_a_secret_is_covered_as_shells_and_pages_write_it(told: str) -> None:
    text = masked(told, {"KEY": 'it\'s (a) "secret"!'})

    assert "[secret KEY]" in text
    assert 'ecret"' not in text.replace("[secret KEY]", "")


def test_a_secret_of_several_lines_is_covered_line_by_line() -> None:
    secret = "-first line of it-\n-second line of it-\n}"  # noqa: S105 - made for this

    assert masked("x -second line of it- y", {"PEM": secret}) == "x [secret PEM] y"


@pytest.mark.parametrize(
    "told",
    [
        "ghp_0123456789abcdefghijABCDEFGHIJ",
        "resile_0123456789abcdefghijklmn",
        "AKIAABCDEFGHIJKLMNOP",
        "xoxb-123456789012-abcdefgh",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "postgresql://shop:hunter2@db/shop",
        "Authorization: Bearer 0123456789abcdef",
        "https://x/?token=abcdef123456",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_covered(told: str) -> None:
    text = masked(f"so: {told}", {})

    assert "[masked]" in text
    assert not any(part in text for part in ("0123456789", "ABCDEFGH", "123456789012", "c2ln", "hunter2", "MIIE"))


def test_a_secret_across_the_edge_of_what_is_left_out_is_not_half_shown() -> None:
    secret = "0123456789-secret-of-some-length"  # noqa: S105 - made for this
    for at in range(380, 420):
        told = b"x" * at + secret.encode() + b"y" * 1000
        for kept in range(395, 440, 3):
            text = shown(told[:kept], told[-kept:], len(told), most=400, secrets={"KEY": secret})

            assert "0123456789" not in text
            assert "length" not in text


def test_what_is_short_is_shown_whole_and_what_is_long_by_its_ends() -> None:
    assert shown(b"all of it\n", b"", 10, most=100, secrets={}) == "all of it\n"

    text = shown(b"begin" + b"x" * 500, b"y" * 500 + b"end", 9_000, most=100, secrets={})

    assert text.startswith("begin")
    assert text.endswith("end")
    assert "of 9,000 bytes" in text
    assert len(text) < 180


def test_what_no_page_could_hold_is_made_readable() -> None:
    assert readable(b"\x1b[31mred\x1b[0m\x00\xff\r\nx\ry\x1b]0;title\x07z") == "red\ufffd\ufffd\nx\nyz"


def test_forms_hold_no_white_space() -> None:
    assert all("\n" not in form and " " not in form for form in forms("two words\nand a line"))
