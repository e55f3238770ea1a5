"""An SMTP server on this machine, over a real socket: with STARTTLS and AUTH; it fails as it is told to."""

import base64
import binascii
import socket
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum
from socketserver import StreamRequestHandler
from typing import cast

from msgspec import Struct

from resile.testing.loopback import Loopback, LoopbackServer

_MAX_LINE = 1 << 16
_MAX_MESSAGE = 1 << 22


class Hitch(StrEnum):
    """What happens instead of a reply."""

    HANGS = "hangs"
    DROPS = "drops"
    TALKS_NONSENSE = "talks_nonsense"
    DRIPS = "drips"  # a reply of which a byte comes now and then, for ever


class Taken(Struct, frozen=True, kw_only=True):
    """A message that was taken.

    Attributes:
        user: who had logged in; empty: nobody.
        is_encrypted: whether it came through TLS.
    """

    sender: str
    recipient: str
    content: bytes
    user: str = ""
    is_encrypted: bool = False

    @property
    def message(self) -> EmailMessage:
        """The message, read."""
        return message_from_bytes(self.content, policy=policy.default)


class LoopbackSmtp(Loopback):
    """Takes mail, from threads of its own.

    Attributes:
        fails: by place, what happens there instead: a reply such as `550 5.1.1 unknown`, or a hitch. Places are
            CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, and BODY once all of the message has arrived.
        refuses: by recipient, the reply to RCPT.
        thinks_s: how long it takes to answer once a message has arrived.
        n_dialogues: how often somebody connected.
        users: passwords by user; empty: nobody needs to log in.
        auth: mechanisms that are offered.
        taken: messages that were answered 250.
        arrived: contents that arrived whole, whatever was answered.

    Args:
        context: with a certificate; None: no STARTTLS.
        is_tls: TLS from the first byte.
    """

    def __init__(self, context: ssl.SSLContext | None = None, *, is_tls: bool = False) -> None:
        self.fails: dict[str, str | Hitch] = {}
        self.refuses: dict[str, str] = {}
        self.n_dialogues = 0
        self.thinks_s = 0.0
        self.users: dict[str, str] = {}
        self.auth = "PLAIN LOGIN"
        self.taken: list[Taken] = []
        self.arrived: list[bytes] = []
        self.context = context
        self.is_tls = is_tls
        super().__init__(_Dialogue)


class _GoneError(OSError):
    """The dialogue is over."""


class _Dialogue(StreamRequestHandler):
    server: LoopbackServer[LoopbackSmtp]

    def handle(self) -> None:
        self.user, self.sender, self.recipient = "", "", ""
        self.is_encrypted = False
        self.server.owner.n_dialogues += 1
        if self.server.owner.is_tls:
            self._encrypt()
        self._reply("CONNECT", "220 loopback ESMTP")
        while line := self.rfile.readline(_MAX_LINE):
            words = line.decode("utf-8", "replace").strip()
            verb = words.partition(" ")[0].upper()
            if verb == "QUIT":
                self._say("221 2.0.0 bye")
                return
            told = {
                "EHLO": self._ehlo,
                "STARTTLS": self._starttls,
                "AUTH": self._auth,
                "MAIL": self._mail,
                "RCPT": self._rcpt,
                "DATA": self._data,
                "RSET": self._rset,
            }.get(verb)
            if told is None:
                self._say("502 5.5.2 not understood")
            else:
                told(words)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            # Of an encrypted connection the server knows only the socket below.
            self.connection.close()

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")
        self.wfile.flush()

    def _reply(self, place: str, words: str) -> bool:
        """Whether it went as it should."""
        failing = self.server.owner.fails.get(place)
        if failing is None:
            self._say(words)
            return True
        if failing is Hitch.TALKS_NONSENSE:
            self._say("HTTP/1.1 400 Bad Request")
        elif failing is Hitch.HANGS:
            self.server.owner.is_over.wait()
        elif failing is Hitch.DRIPS:
            while not self.server.owner.is_over.wait(0.02):
                self.wfile.write(b"2")
                self.wfile.flush()
        elif failing is not Hitch.DROPS:
            self._say(failing)
            return False
        raise _GoneError

    def _ehlo(self, _: str) -> None:
        offers = ["loopback", "8BITMIME", f"AUTH {self.server.owner.auth}"]
        if self.server.owner.context is not None and not self.is_encrypted:
            offers.append("STARTTLS")
        lines = [f"250-{one}" for one in offers[:-1]] + [f"250 {offers[-1]}"]
        self._reply("EHLO", "\r\n".join(lines))

    def _starttls(self, _: str) -> None:
        if self._reply("STARTTLS", "220 2.0.0 go ahead"):
            self._encrypt()

    def _encrypt(self) -> None:
        assert self.server.owner.context is not None, "give the server a context"
        self.connection = self.server.owner.context.wrap_socket(
            cast("socket.socket", self.connection), server_side=True
        )
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.is_encrypted = True

    def _auth(self, words: str) -> None:
        _, mechanism, *given = words.split(" ")
        if mechanism.upper() == "LOGIN":
            user, password = self._asked("Username:"), self._asked("Password:")
        else:
            _, user, password = _decoded(given[0] if given else self._asked("")).split("\0")
        if self.server.owner.users.get(user) != password:
            self._reply("AUTH", "535 5.7.8 authentication failed")
        elif self._reply("AUTH", "235 2.7.0 welcome"):
            self.user = user

    def _asked(self, words: str) -> str:
        self._say(f"334 {base64.b64encode(words.encode()).decode()}")
        return _decoded(self.rfile.readline(_MAX_LINE).decode().strip())

    def _mail(self, words: str) -> None:
        if self.server.owner.users and not self.user:
            self._say("530 5.7.0 authentication required")
        elif self._reply("MAIL", "250 2.1.0 fine"):
            self.sender = words.partition("<")[2].partition(">")[0]

    def _rcpt(self, words: str) -> None:
        recipient = words.partition("<")[2].partition(">")[0]
        if (refusal := self.server.owner.refuses.get(recipient)) is not None:
            self._say(refusal)
        elif self._reply("RCPT", "250 2.1.5 fine"):
            self.recipient = recipient

    def _rset(self, _: str) -> None:
        self.sender, self.recipient = "", ""
        self._reply("RSET", "250 2.0.0 forgotten")

    def _data(self, _: str) -> None:
        if not self.recipient:
            self._say("503 5.5.1 say RCPT first")
            return
        if not self._reply("DATA", "354 go ahead"):
            return
        content = b""
        while (line := self.rfile.readline(_MAX_LINE)) != b".\r\n":
            if not line or len(content) > _MAX_MESSAGE:
                raise _GoneError
            content += line[1:] if line.startswith(b".") else line
        self.server.owner.arrived.append(content)
        if "BODY" not in self.server.owner.fails:
            told = Taken(
                sender=self.sender,
                recipient=self.recipient,
                content=content,
                user=self.user,
                is_encrypted=self.is_encrypted,
            )
            self.server.owner.taken.append(told)
        if self.server.owner.thinks_s:
            self.server.owner.is_over.wait(self.server.owner.thinks_s)
        self._reply("BODY", f"250 2.0.0 queued as {len(self.server.owner.arrived)}")


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, ValueError):
        return ""
