"""Pages by e-mail, handed to the SMTP server that the settings name."""

import re
import socket
from collections.abc import Mapping
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from html import escape
from ssl import SSLContext
from typing import Any
from urllib.parse import quote

from msgspec import Struct
from pydantic import SecretStr

from resile.channels.connection import Deadline, connect, look_up, start_tls, tls_context, why
from resile.channels.given import Given
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.smtp import SmtpDialogue
from resile.channels.title import title_of
from resile.channels.words import cut, shortened
from resile.model.errors import AccessError, ConfigError
from resile.model.message import MessageClass
from resile.model.severity import Severity
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError
from resile.ports.clock import Clock

KIND = ChannelKind(
    name="email",
    title="E-mail",
    address_words="an e-mail address, ann@example.org",
    settings={
        "host!": "the SMTP server, smtp.example.org",
        "port": "587, with tls = tls 465, with tls = none 25",
        "tls": "starttls (the usual), tls (from the first byte), or none",
        "user": "with which to log in there; without it nobody logs in",
        "password": "of the user; or password_file",
        "from!": "whom the messages come from, Resile <resile@example.org>",
        "ca_file": "a file with the certificate of a server that no public authority vouches for",
    },
)
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_MAX_SUBJECT = 200
_MAX_TEXT = 50_000
_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The dotted words of RFC 5322 without its quotes and comments, at most 64 and 190 characters.
_MAILBOX = re.compile(rf"(?=[^@]{{1,64}}@.{{1,190}}\Z){_WORD}(?:\.{_WORD})*@{_LABEL}(?:\.{_LABEL})*")
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
# What stands in an address of the web as it is.
_OF_ADDRESSES = ":/?#[]@!$&'()*+,;=%~"
_URGENT = frozenset({Severity.SEV1, Severity.SEV2})
# RFC 5322, 2.1.1.
_MAX_LINE = 998


class _Whole(UnstructuredHeader):
    """A header without spaces at which it could be folded; Python would make encoded words of it that nobody reads."""

    def fold(self, *, policy: Policy) -> str:
        """On one line."""
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]


_HEADERS = HeaderRegistry()
for _name in ("List-Unsubscribe", "In-Reply-To", "References"):
    _HEADERS.map_to_type(_name, _Whole)  # type: ignore[arg-type]  # it is mixed with what the type names
# Not every server takes eight bits, and one that writes them anew breaks a signature.
_POLICY = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)
_BUTTON = "display:inline-block;padding:8px 16px;margin:0 8px 8px 0;border:1px solid #555;border-radius:4px"


class SmtpServer(Struct, frozen=True, kw_only=True):
    """Where messages are handed in; `ca_file` already read into the context. The password is not shown."""

    host: str
    port: int
    tls: str
    user: str
    password: SecretStr | None
    context: SSLContext | None


class Email:
    """Sends e-mail.

    Args:
        sender: whom the messages come from.
        clock: for the header Date.
    """

    kind = KIND

    def __init__(self, server: SmtpServer, sender: Address, clock: Clock) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock

    def address(self, text: str) -> str:
        """A mailbox without a name; the host in small letters."""
        return mailbox_of(text)

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Hand one message to the SMTP server."""
        # What is wrong with the address shows before anybody is called.
        recipient, content = self._content(outgoing)
        dialogue = self.open(timeout_s)
        try:
            dialogue.hand_over(self._sender.addr_spec, recipient, content)
            dialogue.quit()
        finally:
            dialogue.close()
        return Handed(ref=self._message_id(outgoing.id))

    def session(self, *, timeout_s: float) -> "MailSession":
        """A dialogue with the SMTP server for many messages."""
        return MailSession(self, self.open(timeout_s))

    def hand_over(self, dialogue: SmtpDialogue, outgoing: Outgoing) -> Handed:
        """One message more through a dialogue that is open."""
        recipient, content = self._content(outgoing)
        dialogue.hand_over(self._sender.addr_spec, recipient, content)
        return Handed(ref=self._message_id(outgoing.id))

    def _content(self, outgoing: Outgoing) -> tuple[str, bytes]:
        try:
            recipient = self.address(outgoing.address)
        except ConfigError as error:
            raise RefusedError(str(error), is_final=True) from None
        return recipient, self.written(outgoing, recipient).as_bytes()

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """None: SMTP servers answer by mail, not by calling."""
        del headers, query, body, url
        raise AccessError("SMTP servers send no receipts")

    def check(self, *, timeout_s: float) -> None:
        """Whether the server lets us in."""
        dialogue = self.open(timeout_s)
        dialogue.quit()
        dialogue.close()

    def open(self, timeout_s: float) -> SmtpDialogue:
        """A dialogue in which a message may be handed over."""
        server, deadline = self._server, Deadline(timeout_s)
        words = f"the SMTP server {server.host}:{server.port}"
        try:
            plain = connect(look_up(server.host, server.port, deadline), server.port, deadline)
        except OSError as error:
            raise RefusedError(f"{words} cannot be reached: {why(error)}") from None
        # Encrypted, the plain connection is no more.
        name, dialogue = _own_name(plain), SmtpDialogue(plain, words)
        try:
            if server.tls == "tls" and server.context is not None:
                dialogue = SmtpDialogue(start_tls(plain, server.context, server.host), words)
            dialogue.greet(name)
            if server.tls == "starttls" and server.context is not None:
                dialogue.encrypt(server.context, server.host)
                dialogue.hello(name)
            if server.user and server.password is not None:
                dialogue.log_in(server.user, server.password.get_secret_value())
        except OSError as error:
            dialogue.close()
            raise RefusedError(f"{words}: {why(error)}") from None
        except BaseException:
            dialogue.close()
            raise
        return dialogue

    def written(self, outgoing: Outgoing, recipient: str) -> EmailMessage:
        """The message as it leaves: plain text, and the same as HTML; the same id however often it is sent."""
        message = EmailMessage(_POLICY)
        message["From"] = self._sender
        message["To"] = Address(addr_spec=recipient)
        message["Subject"] = _subject(title_of(outgoing, _MAX_SUBJECT)) or "resile"
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = self._message_id(outgoing.id)
        if outgoing.incident_id is not None:
            # Nothing bears this id: all mails of the incident answer it, whichever arrives first.
            thread = self._message_id(f"incident.{outgoing.incident_id}")
            message["In-Reply-To"] = thread
            message["References"] = thread
        # Nobody's absence answers to it.
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        if outgoing.message_class is MessageClass.PAGE and outgoing.severity in _URGENT:
            message["Importance"] = "high"
            message["X-Priority"] = "1"
        leave = f"<{quote(outgoing.leave_url, safe=_OF_ADDRESSES)}>" if outgoing.leave_url is not None else ""
        if 0 < len(leave) < _MAX_LINE - len("List-Unsubscribe: "):
            # RFC 8058: mail programs leave with one click, by a POST of their own.
            message["List-Unsubscribe"] = leave
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        text = cut(outgoing.text, _MAX_TEXT)
        message.set_content(_plain(text, _links(outgoing)))
        message.add_alternative(_html(title_of(outgoing, _MAX_SUBJECT), text, _links(outgoing)), subtype="html")
        return message

    def _message_id(self, name: str) -> str:
        if not _PLAIN_ID.fullmatch(name):
            name = name.encode().hex()[:200]
        return f"<{name}@{self._sender.domain}>"


class MailSession:
    """Many messages through one dialogue, which is opened anew where it broke."""

    def __init__(self, email: Email, dialogue: SmtpDialogue) -> None:
        self._email = email
        self._dialogue: SmtpDialogue | None = dialogue

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Hand one over."""
        if self._dialogue is None:
            self._dialogue = self._email.open(timeout_s)
        dialogue = self._dialogue
        dialogue.renew(Deadline(timeout_s))
        try:
            return self._email.hand_over(dialogue, outgoing)
        except RefusedError:
            self._go_on()
            raise
        except BaseException:
            self.close()
            raise

    def _go_on(self) -> None:
        """What was refused is forgotten there; where even that fails, the next message opens another."""
        try:
            if self._dialogue is not None:
                self._dialogue.reset()
        except RefusedError:
            self.close()

    def close(self) -> None:
        """Hang up."""
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            dialogue.quit()
            dialogue.close()


def mailbox_of(text: str) -> str:
    """A mailbox without a name; the host in small letters.

    Raises:
        ConfigError: it is none.
    """
    mailbox = text.strip()
    if not _MAILBOX.fullmatch(mailbox):
        raise ConfigError(f"{shortened(text, 80)!r} is no e-mail address; write it like ann@example.org")
    local, _, host = mailbox.rpartition("@")
    return f"{local}@{host.lower()}"


def _subject(title: str) -> str:
    """The title such that nothing in it is an encoded word of RFC 2047.

    Python decodes those in what it is given, and may write a line break that comes of it as one: whatever follows would
    be a header. A sign that nobody sees tells them apart.
    """
    return title.replace("=?", "=\u2060?")


def _links(outgoing: Outgoing) -> list[tuple[str, str]]:
    links = [
        ("Acknowledge", outgoing.ack_url),
        ("Escalate", outgoing.escalate_url),
        ("Open the incident", outgoing.url),
        ("Confirm", outgoing.confirm_url),
        ("Unsubscribe", outgoing.leave_url),
    ]
    return [(words, url) for words, url in links if url]


def _plain(text: str, links: list[tuple[str, str]]) -> str:
    return "\n\n".join([text, *(f"{words}:\n{url}" for words, url in links)]) + "\n"


def _html(title: str, text: str, links: list[tuple[str, str]]) -> str:
    """Everything escaped; no picture and no style from anywhere, so that nothing tells who opened it."""
    buttons = "".join(f'<a href="{escape(url)}" style="{_BUTTON}">{escape(words)}</a>' for words, url in links)
    written = escape(text).replace("\n", "<br>\n")
    return (
        '<!doctype html>\n<html><body style="font-family:sans-serif">\n'
        f"<h2>{escape(title)}</h2>\n<p>{written}</p>\n<p>{buttons}</p>\n</body></html>\n"
    )


def _own_name(opened: socket.socket) -> str:
    """How we call ourselves to a server: our address, as nobody may have given this machine a name."""
    number = str(opened.getsockname()[0]).partition("%")[0]
    return f"[IPv6:{number}]" if ":" in number else f"[{number}]"


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> Email:
    given = Given(KIND, settings)
    tls = given.choice("tls", "starttls", of=tuple(_PORTS))
    host, user, password = given.text("host"), given.text("user"), given.secret("password")
    if not host or " " in host or "://" in host:
        raise given.error("host", "is no name of a host", "write it like smtp.example.org")
    if user and password is None:
        raise given.error("password", "is missing for the user", "write password or password_file, or leave user out")
    if user and tls == "none" and host not in _LOCAL:
        raise given.error("tls", "is none, so that the password would go out in clear", "write starttls or tls")
    context = None
    if tls != "none":
        try:
            context = tls_context(given.text("ca_file") or None)
        except OSError:
            raise given.error("ca_file", "names no file of certificates", "check its path and that it is PEM") from None
    return Email(
        SmtpServer(
            host=host,
            port=given.number("port", _PORTS[tls], least=1, most=65_535),
            tls=tls,
            user=user,
            password=password,
            context=context,
        ),
        _sender(given),
        surroundings.clock,
    )


def _sender(given: Given) -> Address:
    name, mailbox = parseaddr(given.text("from"))
    if not _MAILBOX.fullmatch(mailbox):
        raise given.error("from", "is no e-mail address", "write it like Resile <resile@example.org>")
    return Address(display_name=name, addr_spec=mailbox)


CHANNEL = ChannelPlugin(kind=KIND, open=_open)
