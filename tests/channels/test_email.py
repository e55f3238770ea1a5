"""E-mail against a server on loopback that speaks SMTP, and fails at every place there is."""

import ssl
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from resile.channels.email import CHANNEL, Email
from resile.channels.http_client import HttpClient
from resile.channels.outward import Outward
from resile.channels.plugin import Surroundings
from resile.model.errors import AccessError, ConfigError, DeliveryError
from resile.model.message import MessageClass
from resile.ports.channel import Channel, RefusedError, UncertainError
from resile.testing.loopback_smtp import Hitch, LoopbackSmtp
from resile.testing.simulated_clock import SimulatedClock
from tests.channels.messages import ID, NOW, hostile, page

BEFORE = ["CONNECT", "EHLO", "AUTH", "MAIL", "RCPT", "DATA"]


@pytest.fixture
def server(server_context: ssl.SSLContext) -> Iterator[LoopbackSmtp]:
    with LoopbackSmtp(server_context) as running:
        running.users = {"resile": "s3cret"}
        yield running


def opened(server: LoopbackSmtp, surroundings: Surroundings, **given: Any) -> Channel:
    told = {
        "host": "127.0.0.1",
        "port": server.port,
        "from": "Resile <resile@example.org>",
        "tls": "none",
        "user": "resile",
        "password": "s3cret",
    }
    return CHANNEL.open({name: value for name, value in {**told, **given}.items() if value is not None}, surroundings)


def test_a_page_arrives_with_text_html_and_links(server: LoopbackSmtp, surroundings: Surroundings) -> None:
    handed = opened(server, surroundings).send(page("ann@example.org"), timeout_s=5)

    (taken,) = server.taken
    message = taken.message
    plain = message.get_body(("plain",)).get_content()
    assert (taken.sender, taken.recipient, taken.user) == ("resile@example.org", "ann@example.org", "resile")
    assert message["subject"] == "SEV1 shop: checkout fails"
    assert str(message["from"]) == "Resile <resile@example.org>"
    assert message["date"].datetime.isoformat() == "2026-03-01T02:30:00+00:00"
    assert message["auto-submitted"] == "auto-generated"
    assert message["importance"] == "high"
    assert "You are on call for payments.\r\n" in plain
    assert "https://resile.example.org/answer/ack" in plain
    assert 'href="https://resile.example.org/answer/ack"' in message.get_body(("html",)).get_content()
    assert handed.ref == message["message-id"] == f"<{ID}@example.org>"


def test_the_same_message_twice_carries_the_same_id_and_stays_in_the_incidents_thread(
    server: LoopbackSmtp, surroundings: Surroundings
) -> None:
    channel = opened(server, surroundings)

    channel.send(page("ann@example.org"), timeout_s=5)
    channel.send(page("ann@example.org", is_repeat=True), timeout_s=5)
    channel.send(page("bob@example.org", id="other"), timeout_s=5)

    first, again, other = (taken.message for taken in server.taken)
    assert first["message-id"] == again["message-id"] != other["message-id"]
    assert first["references"] == other["references"] == first["in-reply-to"] == "<incident.inc-7@example.org>"


def test_that_it_may_be_a_repeat_is_said_after_the_longest_title(
    server: LoopbackSmtp, surroundings: Surroundings
) -> None:
    title = "x" * 400 + " (may be a repeat)"

    opened(server, surroundings).send(page("ann@example.org", title=title, is_repeat=True), timeout_s=5)

    assert server.taken[0].message["subject"].endswith("… (may be a repeat)")


@pytest.mark.parametrize("place", BEFORE)
@pytest.mark.parametrize("fault", [Hitch.HANGS, Hitch.DROPS, Hitch.TALKS_NONSENSE, Hitch.DRIPS, "421 4.3.2 later"])
def test_whatever_fails_before_the_message_is_a_refusal(
    server: LoopbackSmtp, surroundings: Surroundings, place: str, fault: str | Hitch
) -> None:
    server.fails[place] = fault

    with pytest.raises(RefusedError) as refused:
        opened(server, surroundings).send(page("ann@example.org"), timeout_s=0.3)

    assert not refused.value.is_final
    assert server.arrived == []


@pytest.mark.parametrize("fault", list(Hitch))
def test_without_a_proper_answer_after_the_message_nobody_knows(
    server: LoopbackSmtp, surroundings: Surroundings, fault: Hitch
) -> None:
    server.fails["BODY"] = fault

    with pytest.raises(UncertainError, match="has the message"):
        opened(server, surroundings).send(page("ann@example.org"), timeout_s=1)

    assert len(server.arrived) == 1


@pytest.mark.parametrize(
    ("place", "reply", "is_final"),
    [
        ("RCPT", "550 5.1.1 no such mailbox", True),
        ("RCPT", "554 5.7.1 relay access denied", False),
        ("RCPT", "450 4.7.1 greylisted", False),
        ("MAIL", "550 5.7.1 not you", False),
        ("DATA", "554 no valid recipients", False),
        ("BODY", "554 5.6.0 looks like spam", True),
        ("BODY", "451 4.3.0 queue is full", False),
        ("EHLO", "550 go away", False),
    ],
)
def test_a_refusal_is_final_where_the_address_or_the_message_is_at_fault(
    server: LoopbackSmtp, surroundings: Surroundings, place: str, reply: str, is_final: bool
) -> None:
    server.fails[place] = reply

    with pytest.raises(RefusedError, match=reply[:3]) as refused:
        opened(server, surroundings).send(page("ann@example.org"), timeout_s=5)

    assert refused.value.is_final is is_final


def test_an_answer_to_the_message_that_says_nothing_of_it_is_uncertain(
    server: LoopbackSmtp, surroundings: Surroundings
) -> None:
    server.fails["BODY"] = "354 go on"

    with pytest.raises(UncertainError, match="354"):
        opened(server, surroundings).send(page("ann@example.org"), timeout_s=5)


def test_a_server_that_is_not_there_refuses(server: LoopbackSmtp, surroundings: Surroundings) -> None:
    with pytest.raises(RefusedError, match="cannot be reached"):
        opened(server, surroundings, port=1).send(page("ann@example.org"), timeout_s=5)


def test_starttls_encrypts_before_the_password_is_told(
    server: LoopbackSmtp, surroundings: Surroundings, certificate: Path
) -> None:
    channel = opened(server, surroundings, tls="starttls", host="localhost", ca_file=str(certificate))

    channel.send(page("ann@example.org"), timeout_s=5)

    assert server.taken[0].is_encrypted


def test_tls_from_the_first_byte(server_context: ssl.SSLContext, surroundings: Surroundings, certificate: Path) -> None:
    with LoopbackSmtp(server_context, is_tls=True) as server:
        channel = opened(
            server, surroundings, tls="tls", host="localhost", ca_file=str(certificate), user=None, password=None
        )
        channel.send(page("ann@example.org"), timeout_s=5)

    assert server.taken[0].is_encrypted


@pytest.mark.parametrize(("host", "knows_ca"), [("127.0.0.1", True), ("localhost", False)])
def test_whoever_cannot_prove_who_they_are_gets_neither_password_nor_message(
    server: LoopbackSmtp, surroundings: Surroundings, certificate: Path, host: str, knows_ca: bool
) -> None:
    ca_file = str(certificate) if knows_ca else None
    channel = opened(server, surroundings, tls="starttls", host=host, ca_file=ca_file)

    with pytest.raises(RefusedError, match="cannot prove who it is"):
        channel.send(page("ann@example.org"), timeout_s=5)

    assert server.arrived == []


def test_a_server_without_starttls_gets_nothing_in_clear(surroundings: Surroundings) -> None:
    with LoopbackSmtp() as server:
        channel = opened(server, surroundings, tls="starttls", user=None, password=None)
        with pytest.raises(RefusedError, match="does not offer STARTTLS"):
            channel.send(page("ann@example.org"), timeout_s=5)

    assert server.arrived == []


def test_what_was_said_in_clear_after_starttls_counts_for_nothing(
    server: LoopbackSmtp, surroundings: Surroundings, certificate: Path
) -> None:
    server.fails["STARTTLS"] = "220 go ahead\r\n250 AUTH PLAIN"
    channel = opened(server, surroundings, tls="starttls", host="localhost", ca_file=str(certificate))

    with pytest.raises(RefusedError, match="somebody may sit in between"):
        channel.send(page("ann@example.org"), timeout_s=5)


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN", "PLAIN LOGIN"])
def test_logs_in_by_whatever_the_server_offers(
    server: LoopbackSmtp, surroundings: Surroundings, mechanisms: str
) -> None:
    server.auth = mechanisms

    opened(server, surroundings).check(timeout_s=5)

    assert server.arrived == []


def test_a_wrong_password_is_said_without_saying_it(server: LoopbackSmtp, surroundings: Surroundings) -> None:
    channel = opened(server, surroundings, password="wr0ng")

    with pytest.raises(DeliveryError, match=r"535.*channels\.email\.user") as refused:
        channel.check(timeout_s=5)

    assert "wr0ng" not in f"{refused.value}{channel!r}{vars(channel)}"


@pytest.mark.parametrize(
    ("text", "address"), [(" Ann@Example.ORG ", "Ann@example.org"), ("a+b@x.example", "a+b@x.example")]
)
def test_an_address_is_a_bare_mailbox(
    server: LoopbackSmtp, surroundings: Surroundings, text: str, address: str
) -> None:
    assert opened(server, surroundings).address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "ann",
        "Ann <ann@example.org>",
        "a@b@c",
        "a..b@c.d",
        ".a@c.d",
        "a@c..d",
        "a@-c.d",
        "a b@c.d",
        "a@c\r\nRCPT",
        "a@",
        "é@x.org",
        "",
    ],
)
def test_what_is_no_mailbox_is_refused(server: LoopbackSmtp, surroundings: Surroundings, text: str) -> None:
    with pytest.raises(ConfigError, match="is no e-mail address"):
        opened(server, surroundings).address(text)
    with pytest.raises(RefusedError) as refused:
        opened(server, surroundings).send(page(text), timeout_s=1)
    assert refused.value.is_final


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"host": None}, r"channels\.email\.host' is missing"),
        ({"from": "resile"}, r"channels\.email\.from' is no e-mail address"),
        ({"port": "many"}, r"channels\.email\.port' is no whole number"),
        ({"port": 0}, r"channels\.email\.port' is no whole number"),
        ({"tls": "ssl"}, r"channels\.email\.tls' is none of its words; write one of starttls, tls, none"),
        ({"password": None}, r"channels\.email\.password' is missing for the user"),
        ({"host": "smtp.example.org"}, r"channels\.email\.tls' is none, so that the password would go out in clear"),
        ({"tls": "tls", "ca_file": "/nowhere.pem"}, r"channels\.email\.ca_file' names no file"),
        ({"hots": "x"}, r"channels\.email\.hots' is not known; did you mean 'host'"),
        ({"password_file": "/nowhere"}, r"channels\.email\.password' stands beside password_file"),
        ({"host": "http://x"}, r"channels\.email\.host' is no name of a host"),
    ],
)
def test_wrong_settings_are_named(
    server: LoopbackSmtp, surroundings: Surroundings, wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        opened(server, surroundings, **wrong)


def test_a_password_may_stand_in_a_file(server: LoopbackSmtp, surroundings: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")

    opened(server, surroundings, password=None, password_file=str(tmp_path / "password")).check(timeout_s=5)


def test_nobody_calls_from_an_smtp_server(server: LoopbackSmtp, surroundings: Surroundings) -> None:
    with pytest.raises(AccessError):
        opened(server, surroundings).receipts({}, {}, b"", url="")


@given(title=hostile, text=hostile)
@settings(deadline=None, max_examples=30)
def test_what_strangers_wrote_adds_no_header_no_command_and_no_markup(title: str, text: str) -> None:
    with LoopbackSmtp() as server:
        channel = _bare(server)
        channel.send(page("ann@example.org", title=title, text=text, message_class=MessageClass.NOTICE), timeout_s=5)

    (taken,) = server.taken
    message = taken.message
    assert set(map(str.lower, message.keys())) == {
        "from", "to", "subject", "date", "message-id", "in-reply-to", "references",
        "auto-submitted", "x-auto-response-suppress", "mime-version", "content-type",
    }  # fmt: skip
    assert len(message.get_all("to")) == 1
    html = message.get_body(("html",)).get_content()
    assert [tag for tag in tags_of(html) if tag != "br"] == ["html", "body", "h2", "p", "p", "a", "a", "a"]
    assert message.get_body(("plain",)).get_content().rstrip().endswith("https://resile.example.org/incidents/inc-7")


@pytest.mark.parametrize("breaks", ["=0D=0A", "=0A=0D=0A=0D=0A", "=0D", "=22=28"])
def test_a_title_in_encoded_words_stays_the_text_that_it_is(
    server: LoopbackSmtp, surroundings: Surroundings, breaks: str
) -> None:
    title = f"=?utf-8?q?x{breaks}Bcc:_all@example.org?= y"

    opened(server, surroundings).send(page("ann@example.org", title=title), timeout_s=5)

    (taken,) = server.taken
    assert "bcc" not in taken.message
    # Where nobody sees it, it is told apart, lest whoever reads it decode it once more.
    assert taken.message["subject"].replace("\u2060", "") == title
    assert title not in taken.message["subject"]


@pytest.mark.parametrize("text", ["Zahlung schlägt fehl", "支払いに失敗", "x" * 5_000, "ä" * 5_000])
def test_every_line_is_ascii_and_short_enough_for_any_server(
    server: LoopbackSmtp, surroundings: Surroundings, text: str
) -> None:
    opened(server, surroundings).send(page("ann@example.org", title=text, text=text), timeout_s=5)

    (taken,) = server.taken
    assert taken.content.isascii()
    assert max(map(len, taken.content.split(b"\r\n"))) <= 998
    assert taken.message.get_body(("plain",)).get_content().startswith(text)


@pytest.mark.parametrize(
    ("url", "header"),
    [
        (f"https://status.example.org/subscriptions/leave/{'WyJs' * 30}.abc", None),
        ("https://münchen.example/leave/x", "https://m%C3%BCnchen.example/leave/x"),
    ],
)
def test_the_address_to_leave_stands_as_it_is_so_that_mail_programs_read_it(
    server: LoopbackSmtp, surroundings: Surroundings, url: str, header: str | None
) -> None:
    opened(server, surroundings).send(page("ann@example.org", leave_url=url), timeout_s=5)

    # As it went over the wire: our own reading would decode what others do not.
    (taken,) = server.taken
    assert f"\r\nList-Unsubscribe: <{header or url}>\r\n".encode() in taken.content
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in taken.content


def test_an_address_to_leave_that_no_line_holds_stands_in_the_text_alone(
    server: LoopbackSmtp, surroundings: Surroundings
) -> None:
    url = f"https://status.example.org/{'a' * 1_000}"

    opened(server, surroundings).send(page("ann@example.org", leave_url=url), timeout_s=5)

    (taken,) = server.taken
    assert "List-Unsubscribe" not in taken.message
    assert max(map(len, taken.content.split(b"\r\n"))) <= 998
    assert url in taken.message.get_body(("plain",)).get_content()


def tags_of(html: str) -> list[str]:
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, *_: Any) -> None:
            tags.append(tag)

    Reader().feed(html)
    return tags


def _bare(server: LoopbackSmtp) -> Email:
    given = {"host": "127.0.0.1", "port": server.port, "from": "resile@example.org", "tls": "none"}
    channel = CHANNEL.open(given, Surroundings(http=HttpClient(Outward()), clock=SimulatedClock(NOW)))
    assert isinstance(channel, Email)
    return channel
