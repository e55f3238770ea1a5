"""The part of SMTP (RFC 5321, 3207, 4954) that hands over one message, and tells of a failure whether it was taken."""

import base64
import re
from contextlib import suppress
from ssl import SSLContext

from msgspec import Struct

from resile.channels.connection import Deadline, PlainSocket, TlsSocket, start_tls, why
from resile.channels.words import shortened
from resile.ports.channel import RefusedError, UncertainError

_MAX_LINE = 4_096
_MAX_LINES = 100
_REPLY = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"[245]\.(\d{1,3})\.\d{1,3}\b")
_FINE = 200
_GO_ON = 300
_NEVER = 500
_STARTS_OF_LINES = re.compile(rb"^\.", re.MULTILINE)
# Enhanced codes X.7.Z are about who we are, not about whose mailbox it is (RFC 3463).
_POLICY = "7"


class SmtpReply(Struct, frozen=True):
    """What a server said; `text` on one line."""

    code: int
    text: str

    @property
    def is_about_us(self) -> bool:
        """Whether it refuses us, not the address: relaying, or a sender that it does not like."""
        found = _ENHANCED.match(self.text)
        return found is not None and found[1] == _POLICY


class _BrokenError(Exception):
    """No reply that could be read; the text says why."""


class SmtpDialogue:
    """A dialogue with one server over a connection that has a deadline.

    Args:
        server: as sentences call it.
    """

    def __init__(self, opened: PlainSocket | TlsSocket, server: str) -> None:
        self._socket: PlainSocket | TlsSocket = opened
        self._server = server
        self._unread = b""
        self.extensions: dict[str, str] = {}

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def greet(self, name: str) -> None:
        """Hear the greeting, say who we are, hear what the server can do.

        Raises:
            RefusedError: it does not let us.
        """
        self._expect(None, _FINE, "greeted us with")
        self.hello(name)

    def hello(self, name: str) -> None:
        """Say who we are, again after the connection was encrypted.

        Raises:
            RefusedError: it does not let us.
        """
        reply = self._expect(f"EHLO {name}", _FINE, "answered to EHLO")
        told = [line.split(None, 1) for line in reply.text.split("\n")[1:] if line.strip()]
        self.extensions = {words[0].upper(): words[1] if len(words) > 1 else "" for words in told}

    def encrypt(self, context: SSLContext, host: str) -> None:
        """STARTTLS; afterwards `hello` is due.

        Raises:
            RefusedError: it cannot, or does not prove to be `host`.
        """
        if "STARTTLS" not in self.extensions:
            raise RefusedError(
                f"{self._server} does not offer STARTTLS; set 'channels.email.tls' to tls if it speaks TLS at once"
            )
        self._expect("STARTTLS", _FINE, "answered to STARTTLS")
        if self._unread or not isinstance(self._socket, PlainSocket):
            # Whoever sits in between could have us take their words for the server's.
            raise RefusedError(f"{self._server} went on in clear after STARTTLS; somebody may sit in between")
        try:
            self._socket = start_tls(self._socket, context, host)
        except OSError as error:
            raise RefusedError(f"{self._server}: {why(error)}") from None

    def log_in(self, user: str, password: str) -> None:
        """AUTH PLAIN, or LOGIN where the server knows only that.

        Raises:
            RefusedError: it does not know them.
        """
        offered = self.extensions.get("AUTH", "").upper().split()
        if "LOGIN" in offered and "PLAIN" not in offered:
            self._log_in_by_steps(user, password)
        elif "PLAIN" in offered:
            token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
            self._logged_in(self._ask(f"AUTH PLAIN {token}"))
        else:
            raise RefusedError(f"{self._server} offers no login that we know; leave 'channels.email.user' out")

    def _log_in_by_steps(self, user: str, password: str) -> None:
        reply = self._ask("AUTH LOGIN")
        for secret in (user, password):
            if reply.code // 100 * 100 == _GO_ON:
                reply = self._ask(base64.b64encode(secret.encode()).decode())
        self._logged_in(reply)

    def _logged_in(self, reply: SmtpReply) -> None:
        if reply.code // 100 * 100 != _FINE:
            # Without what the server says: some repeat what they were told.
            raise RefusedError(
                f"{self._server} answered {reply.code} to our login; check 'channels.email.user' and its password"
            )

    def hand_over(self, sender: str, recipient: str, content: bytes) -> str:
        """One message to one mailbox.

        Args:
            content: lines end in CR LF.

        Returns:
            What the server said when it took it.

        Raises:
            RefusedError: it did not take it.
            UncertainError: it had all of it, and did not say so.
        """
        self._expect(f"MAIL FROM:<{sender}>", _FINE, f"does not take mail from {sender}:")
        self._expect(f"RCPT TO:<{recipient}>", _FINE, "does not take mail for this address:", of_address=True)
        self._expect("DATA", _GO_ON, "answered to DATA")
        stuffed = _STARTS_OF_LINES.sub(b"..", content)
        self._be_in_turn()
        end = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            self._socket.sendall(stuffed + end)
        except OSError as error:
            raise RefusedError(f"{self._server} did not take the message whole: {why(error)}") from None
        try:
            reply = self._reply()
        except (OSError, _BrokenError) as error:
            fact = why(error) if isinstance(error, OSError) else str(error)
            raise UncertainError(f"{self._server} has the message and did not say that it took it: {fact}") from None
        if reply.code // 100 * 100 == _GO_ON:
            raise UncertainError(f"{self._server} has the message and answered {reply.code}, which says nothing of it")
        self._check(reply, _FINE, "refused the message:", of_address=True)
        return reply.text

    def renew(self, deadline: Deadline) -> None:
        """Begin the next message of the same dialogue, which may take until then."""
        self._socket.deadline = deadline

    def reset(self) -> None:
        """Forget a message that was not handed over.

        Raises:
            RefusedError: the dialogue cannot go on.
        """
        self._expect("RSET", _FINE, "answered to RSET")

    def quit(self) -> None:
        """Take leave, without waiting for what the server says to it, which changes nothing."""
        with suppress(OSError):
            self._socket.sendall(b"QUIT\r\n")

    def _expect(self, command: str | None, code: int, words: str, *, of_address: bool = False) -> SmtpReply:
        reply = self._ask(command)
        self._check(reply, code, words, of_address=of_address)
        return reply

    def _check(self, reply: SmtpReply, code: int, words: str, *, of_address: bool) -> None:
        if reply.code // 100 * 100 != code:
            is_final = of_address and reply.code >= _NEVER and not reply.is_about_us
            raise RefusedError(f"{self._server} {words} {reply.code} {shortened(reply.text, 200)}", is_final=is_final)

    def _ask(self, command: str | None) -> SmtpReply:
        """Say something, hear the reply; whatever fails here, no message was handed over yet."""
        try:
            if command is not None:
                self._be_in_turn()
                self._socket.sendall(command.encode() + b"\r\n")
            return self._reply()
        except OSError as error:
            raise RefusedError(f"{self._server}: {why(error)}") from None
        except _BrokenError as error:
            raise RefusedError(f"{self._server} {error}") from None

    def _be_in_turn(self) -> None:
        """What was said before it was asked for would be taken for the answer to what follows."""
        if self._unread:
            raise RefusedError(f"{self._server} answers before it was asked; check that it is an SMTP server")

    def _reply(self) -> SmtpReply:
        said: list[str] = []
        for _ in range(_MAX_LINES):
            found = _REPLY.fullmatch(self._line())
            if found is None:
                raise _BrokenError("does not speak SMTP")
            said.append((found[3] or b"").decode("utf-8", "replace"))
            if found[2] != b"-":
                return SmtpReply(int(found[1]), "\n".join(said))
        raise _BrokenError(f"answered more than {_MAX_LINES} lines at once")

    def _line(self) -> bytes:
        while b"\n" not in self._unread:
            if len(self._unread) > _MAX_LINE:
                raise _BrokenError(f"answered a line of more than {_MAX_LINE} bytes")
            piece = self._socket.recv(_MAX_LINE)
            if not piece:
                raise _BrokenError("hung up")
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line.rstrip(b"\r")
