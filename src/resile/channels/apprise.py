"""The rest of the world through Apprise: Telegram, Discord, Matrix, Pushover and a hundred others.

An address is an Apprise URL, which usually holds the key of somebody's service. Apprise says of a message no more than
whether it went out, and knows none again.
"""

import logging
import re
import warnings
from collections.abc import Mapping
from threading import BoundedSemaphore, Event, Thread, get_ident
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from resile.channels.given import Given
from resile.channels.plugin import ChannelPlugin, Surroundings
from resile.channels.title import title_of
from resile.channels.words import cut, shortened
from resile.model.errors import AccessError, ConfigError
from resile.model.message import MessageClass
from resile.ports.channel import ChannelKind, Handed, Outgoing, Receipt, RefusedError, UncertainError

KIND = ChannelKind(
    name="apprise",
    title="Apprise",
    address_words="an Apprise URL, such as tgram://bot-token/chat-id",
    settings={
        "schemes": "kinds of URL beyond those of fixed providers that may be used, by commas: gotifys, ntfys; "
        "whoever enters such an address has resile connect to any host",
    },
)
# At one moment, those that hang among them: Apprise's plug-ins cannot be broken off.
MAX_UNDER_WAY = 32
_MAX_URL = 2_000
_MAX_TITLE = 250
_LEAST_TEXT = 20
_URL = re.compile(r"([a-z0-9]{2,30})://[!-~]*", re.IGNORECASE)
# They read a file of the server, fetch one from wherever the address says, or go on to wherever they are sent.
_REFUSED = frozenset({"template", "keyfile", "subfile", "pgpkey", "pgp", "file_url", "attach", "redirect"})
# They lead anywhere although their addresses do not look like it: to addresses in a file of the server, to a host in an
# organisation's name, to relays that are asked for, and to where an account says that it is kept.
_OTHERS_THAT_LEAD_ANYWHERE = frozenset({"vapid", "zulip", "nostr", "bluesky", "bsky"})
# Mentions and links with other words, as chats read them: told apart by a sign that nobody sees.
_READ = re.compile(r"@(?=everyone|here|channel|all|room)|<(?=[!@#&])|\](?=\()", re.IGNORECASE)
_NOT_READ = "\\g<0>\u2060"
_BROKEN_OFF = re.compile(r"connection error|socket exception|timed? ?out", re.IGNORECASE)
_logger = logging.getLogger("apprise")


class AppriseChannel:
    """Every service that Apprise reaches.

    Args:
        schemes: kinds of URL that lead to any host and may be used.
    """

    kind = KIND

    def __init__(self, schemes: frozenset[str] = frozenset()) -> None:
        self._schemes = schemes
        self._room = BoundedSemaphore(MAX_UNDER_WAY)
        if _HEARD not in _logger.handlers:
            # Its log lines name addresses: they go nowhere else.
            _logger.addHandler(_HEARD)
            _logger.propagate = False

    def address(self, text: str) -> str:
        """An Apprise URL of a kind that may be used."""
        text = text.strip()
        self._service(text)
        return text

    def send(self, outgoing: Outgoing, *, timeout_s: float) -> Handed:
        """Have Apprise send it, in a thread that is left behind where it hangs."""
        if not self._room.acquire(blocking=False):
            raise RefusedError(f"{MAX_UNDER_WAY} messages hang in Apprise already; restart resile if they stay")
        sending = _Sending()
        Thread(target=self._send, args=(outgoing, sending), name="apprise", daemon=True).start()
        if not sending.is_over.wait(timeout_s):
            raise UncertainError(f"Apprise's {_kind_of(outgoing.address)} did not end within {timeout_s:g} s")
        if sending.error is not None:
            raise sending.error
        return Handed()

    def receipts(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes, *, url: str) -> list[Receipt]:
        """None: Apprise tells nothing later."""
        del headers, query, body, url
        raise AccessError("Apprise sends no receipts")

    def check(self, *, timeout_s: float) -> None:
        """Nothing: what an address leads to shows when something is sent there."""
        del timeout_s

    def _send(self, outgoing: Outgoing, sending: "_Sending") -> None:
        kind = _kind_of(outgoing.address)
        is_begun = False
        try:
            service = self._service(outgoing.address)
            _HEARD.begin()
            is_begun = True
            is_taken = _notify(service, outgoing)
            sending.error = None if is_taken else _refusal(kind, is_broken_off=_HEARD.end())
        except ConfigError as error:
            sending.error = RefusedError(str(error), is_final=True)
        except BaseException as error:  # noqa: BLE001 - a hundred plug-ins, each of which may fail in its way
            # Its own words may hold the address.
            words = f"Apprise's {kind} failed with {type(error).__name__}"
            sending.error = UncertainError(words) if is_begun else RefusedError(words)
        finally:
            _HEARD.end()
            self._room.release()
            sending.is_over.set()

    def _service(self, url: str) -> Any:
        """The plug-in for a URL.

        Raises:
            ConfigError: there is none, or it may not be used here.
        """
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - an extra, and slow to load
        from apprise.manager_plugins import NotificationManager  # noqa: PLC0415 - as above

        match = _URL.fullmatch(url)
        if match is None or len(url) > _MAX_URL:
            raise ConfigError(f"that is no Apprise URL; write {KIND.address_words}")
        scheme = match[1].lower()
        kinds = NotificationManager()  # type: ignore[no-untyped-call]
        if scheme not in kinds:
            raise ConfigError(f"Apprise knows no {scheme}://; its documentation lists what there is")
        if scheme not in self._schemes and _leads_anywhere(scheme, kinds[scheme].templates):
            raise ConfigError(
                f"{scheme}:// may lead to any host, or to this server itself, and is not allowed; an administrator may "
                f"add it to channels.apprise.schemes"
            )
        if files := {name.lower() for name, _ in parse_qsl(urlsplit(url).query)} & _REFUSED:
            raise ConfigError(
                f"{scheme}:// with {min(files)}= may read a file of the server or lead elsewhere; leave it out"
            )
        asset = AppriseAsset(app_id="resile", app_desc="resile", app_url="", http_redirects=False)
        service = Apprise.instantiate(url, asset=asset)
        if service is None:
            raise ConfigError(f"Apprise cannot read this {scheme}:// address; its documentation shows how it is made")
        return service


class _Sending:
    """What comes of one message.

    Attributes:
        error: None once it is over: it went out.
    """

    def __init__(self) -> None:
        self.is_over = Event()
        self.error: RefusedError | UncertainError | None = None


class _Heard(logging.Handler):
    """Hears from Apprise's log whether a connection broke off, which its answer does not tell; by thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._is_broken_off: dict[int, bool] = {}

    def begin(self) -> None:
        """Listen to this thread."""
        self._is_broken_off[get_ident()] = False

    def end(self) -> bool:
        """Whether a connection broke off in this thread since then."""
        return self._is_broken_off.pop(get_ident(), False)

    def emit(self, record: logging.LogRecord) -> None:
        """Note it, and keep nothing of what it says."""
        thread = get_ident()
        if thread in self._is_broken_off and _BROKEN_OFF.search(record.getMessage()):
            self._is_broken_off[thread] = True


_HEARD = _Heard()


def _notify(service: Any, outgoing: Outgoing) -> bool:
    from apprise import NotifyFormat, NotifyType  # noqa: PLC0415 - an extra, and slow to load

    title = _READ.sub(_NOT_READ, title_of(outgoing, _MAX_TITLE))
    is_page = outgoing.message_class is MessageClass.PAGE
    return bool(
        service.notify(
            title=title,
            body=_body(outgoing, service.body_maxlen - len(title) - 2) or title,
            notify_type=NotifyType.WARNING if is_page else NotifyType.INFO,
            body_format=NotifyFormat.TEXT,
        )
    )


def _body(outgoing: Outgoing, most: int) -> str:
    """The text, cut so that the links fit whole; those that do not are left out, the last first."""
    links = [
        f"{words}: {url}"
        for words, url in (
            ("Acknowledge", outgoing.ack_url),
            ("Open", outgoing.url),
            ("Escalate", outgoing.escalate_url),
        )
        if url is not None
    ]
    while links and len("\n".join(links)) + _LEAST_TEXT > most:
        links.pop()
    end = "\n".join(links)
    severity = f"{outgoing.severity.value}. " if outgoing.severity is not None else ""
    text = cut(severity + _READ.sub(_NOT_READ, outgoing.text), max(1, most - len(end) - 2))
    return "\n\n".join(part for part in (text, end) if part)


def _leads_anywhere(scheme: str, templates: Any) -> bool:
    """Whether an address names its own host, or nothing but this machine."""
    return scheme in _OTHERS_THAT_LEAD_ANYWHERE or any(
        "host}" in template or "{domain}" in template or "{endpoint}" in template or template == "{schema}://"
        for template in templates
    )


def _kind_of(address: str) -> str:
    return shortened(address.partition("://")[0], 30)


def _refusal(kind: str, *, is_broken_off: bool) -> RefusedError | UncertainError:
    if is_broken_off:
        return UncertainError(f"Apprise's {kind} lost its connection; look there whether the message arrived")
    return RefusedError(f"Apprise's {kind} did not take it; check the address, and look at the service")


def _load_plug_ins() -> None:
    """Load them all, which takes most of a second: now, and not when the first page is to go out.

    Raises:
        ImportError: Apprise is not installed.
    """
    from apprise.manager_plugins import NotificationManager  # noqa: PLC0415 - an extra, and slow to load

    with warnings.catch_warnings():
        # Some import what Python is about to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        NotificationManager().load_modules()  # type: ignore[no-untyped-call]


def _open(settings: Mapping[str, Any], surroundings: Surroundings) -> AppriseChannel:
    del surroundings
    given = Given(KIND, settings)
    try:
        _load_plug_ins()
    except ImportError:
        raise ConfigError(
            "[channels.apprise] needs a package that is not installed; install resile with it: resile[apprise]"
        ) from None
    return AppriseChannel(frozenset(part.strip().lower() for part in given.text("schemes").split(",") if part.strip()))


CHANNEL = ChannelPlugin(kind=KIND, open=_open)
