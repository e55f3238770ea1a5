"""What is said on the telephone, as TwiML; nothing that strangers wrote is a verb in it."""

import re
import unicodedata
from xml.sax.saxutils import escape, quoteattr

from resile.channels.title import said_first
from resile.channels.words import shortened
from resile.model.message import MessageClass
from resile.ports.channel import Outgoing

CONTENT_TYPE = "text/xml; charset=utf-8"
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
# Twilio refuses a longer one; a stranger's text of so many signs is at most five times as long when it is escaped.
MAX_TWIML = 4_000
_MAX_TITLE = 200
_MAX_TEXT = 200
_KEYS = "Press 4 to acknowledge. Press 6 to escalate."
_WAIT_S = 8
# XML 1.0 has no way to write these.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def call_of(outgoing: Outgoing, action: str | None) -> str:
    """What is said to whoever answers, twice.

    Args:
        action: where the key that is pressed is sent; None: nobody outside reaches resile, none is asked for.
    """
    person = f"For {_spoken(outgoing.person, 100)}. " if outgoing.person else ""
    words = f"This is resile. {person}{_spoken(said_first(outgoing, _MAX_TITLE), 2 * _MAX_TITLE)}."
    text = _spoken(outgoing.text, _MAX_TEXT)
    told = f"{words} {text}." if text else words
    if action is None or outgoing.ack_url is None:
        is_page = outgoing.message_class is MessageClass.PAGE
        return _response(_say(f"{told} Open resile to acknowledge." if is_page else told, loop=2))
    return _response(
        _gather(_say(f"{told} {_KEYS}", loop=2), action) + _say("No key was pressed. The page goes on. Goodbye.")
    )


def asked_again(action: str) -> str:
    """The question alone, after a key that means nothing."""
    return _response(_gather(_say(f"That key means nothing here. {_KEYS}", loop=2), action))


def said(words: str) -> str:
    """A sentence, and the end of the call."""
    return _response(_say(f"{_spoken(words, _MAX_TITLE)}.") + "<Hangup/>")


def message(words: str) -> str:
    """A sentence sent back by SMS."""
    return _response(f"<Message>{_escaped(shortened(words, 300))}</Message>")


def _response(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'


def _say(words: str, *, loop: int = 1) -> str:
    return f'<Say loop="{loop}">{_escaped(words)}</Say>' if loop > 1 else f"<Say>{_escaped(words)}</Say>"


def _gather(inner: str, action: str) -> str:
    attributes = f'input="dtmf" numDigits="1" timeout="{_WAIT_S}" method="POST" action={quoteattr(action)}'
    return f"<Gather {attributes}>{inner}</Gather>"


def _spoken(text: str | None, most: int) -> str:
    """The text without pictures, which are read out by their long names, and without a full stop at its end."""
    words = "".join(" " if unicodedata.category(sign) in {"So", "Cf"} else sign for sign in text or "")
    return " ".join(shortened(words, most).split()).rstrip(".")


def _escaped(text: str) -> str:
    return escape(_NOT_XML.sub("", text))
