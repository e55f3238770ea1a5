"""Twilio on this machine: messages and calls by its form interface, and callbacks signed as it signs.

As https://www.twilio.com/docs/messaging/api, /voice/api and /usage/webhooks/webhooks-security have it.
"""

import base64
import hashlib
import hmac
import re
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree as ET

from msgspec import Struct

from resile.testing.callbacks import Callback
from resile.testing.loopback_http import LoopbackHttp, Reply, Request

SID = "AC0123456789abcdef0123456789abcdef"
TOKEN = "token-of-a-loopback-account"  # noqa: S105 - of nobody
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_MAX_BODY = 1_600
_MAX_TWIML = 4_000
_SMS = ("queued", "sending", "sent", "delivered")


class Taken(Struct, frozen=True, kw_only=True):
    """A message or a call that was taken.

    Attributes:
        fields: of the form; of a name that comes several times the last.
        events: of a call: of which it tells.
    """

    sid: str
    fields: dict[str, str]
    events: tuple[str, ...] = ()


class LoopbackTwilio(LoopbackHttp):
    """An account.

    Attributes:
        taken: messages and calls, first to last.
        unknown: numbers that nobody has.
        status: of the account.
    """

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Taken] = []
        self.unknown: set[str] = set()
        self.status = "active"

    def answer(self, request: Request) -> Reply:
        """As Twilio answers."""
        given = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if given != f"{SID}:{TOKEN}":
            return _refused(401, 20003, "Authentication Error - invalid username")
        root = f"/2010-04-01/Accounts/{SID}"
        if request.method == "GET" and request.path == f"{root}.json":
            return Reply(body={"sid": SID, "status": self.status})
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True)
        fields = dict(pairs)
        what = request.path.removeprefix(f"{root}/")
        if what not in {"Messages.json", "Calls.json"} or request.method != "POST":
            return _refused(404, 20404, "The requested resource was not found")
        problem = self._problem(fields) or (_sms_problem(fields) if what == "Messages.json" else _call_problem(fields))
        if problem is not None:
            return problem
        sid = f"{'SM' if what == 'Messages.json' else 'CA'}{len(self.taken) + 1:032d}"
        events = tuple(value for name, value in pairs if name == "StatusCallbackEvent")
        self.taken.append(Taken(sid=sid, fields=fields, events=events))
        return Reply(status=201, body={"sid": sid, "status": "queued", "error_code": None})

    def tells(self, taken: Taken, status: str, *, token: str = TOKEN, **more: str) -> Callback:
        """The callback with a status."""
        url = taken.fields["StatusCallback"]
        if taken.sid.startswith("SM"):
            told = {"MessageSid": taken.sid, "MessageStatus": status, "SmsStatus": status}
        else:
            told = {"CallSid": taken.sid, "CallStatus": status}
        return self.signed(url, {"AccountSid": SID, "To": taken.fields["To"], **told, **more}, token=token)

    def tells_all(self, taken: Taken) -> list[Callback]:
        """Every callback of an SMS that arrives, in order."""
        return [self.tells(taken, status) for status in _SMS]

    def hears(self, url: str, text: str, *, sender: str, sid: str = "SM99", token: str = TOKEN) -> Callback:
        """The callback with an SMS that somebody sent to the account's number."""
        told = {"AccountSid": SID, "MessageSid": sid, "SmsStatus": "received", "From": sender, "To": "+15550001111"}
        return self.signed(url, {**told, "Body": text, "NumMedia": "0"}, token=token)

    def presses(self, taken: Taken, digit: str, *, token: str = TOKEN) -> Callback:
        """The callback with a key that was pressed in a call, to where its TwiML says."""
        gather = ET.fromstring(taken.fields["Twiml"]).find("Gather")  # noqa: S314 - of our own making
        assert gather is not None
        told = {"CallSid": taken.sid, "CallStatus": "in-progress", "Digits": digit, "To": taken.fields["To"]}
        return self.signed(gather.attrib["action"], {"AccountSid": SID, **told}, token=token)

    def signed(self, url: str, fields: dict[str, str], *, token: str = TOKEN) -> Callback:
        """A form, signed."""
        text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
        mark = base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": mark}
        return Callback(url=url, headers=headers, body=urlencode(fields).encode())

    def _problem(self, fields: dict[str, str]) -> Reply | None:
        to = fields.get("To", "")
        if not _E164.fullmatch(to) or to in self.unknown:
            return _refused(400, 21211, f"Invalid 'To' Phone Number: {to[:-4]}XXXX")
        if not fields.get("From") and not fields.get("MessagingServiceSid"):
            return _refused(400, 21603, "A 'From' phone number is required.")
        return None


def _sms_problem(fields: dict[str, str]) -> Reply | None:
    if not fields.get("Body"):
        return _refused(400, 21602, "Message body is required.")
    if len(fields["Body"]) > _MAX_BODY:
        return _refused(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    return None


def _call_problem(fields: dict[str, str]) -> Reply | None:
    twiml = fields.get("Twiml", "")
    if len(twiml) > _MAX_TWIML:
        return _refused(400, 21218, "Twiml is too long")
    try:
        ET.fromstring(twiml)  # noqa: S314 - of our own making
    except ET.ParseError:
        return _refused(400, 12100, "Document parse failure")
    return None


def _refused(status: int, code: int, words: str) -> Reply:
    body = {"code": code, "message": words, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}
    return Reply(status=status, body=body)
