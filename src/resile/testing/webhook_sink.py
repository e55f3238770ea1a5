"""A receiver of webhooks on this machine, which checks signatures as https://www.standardwebhooks.com has it."""

import base64
import hashlib
import hmac

from resile.testing.loopback_http import LoopbackHttp, Reply, Request


class WebhookSink(LoopbackHttp):
    """Takes whatever is posted to it.

    Attributes:
        secret: `whsec_...`; where it is set, a body without a right signature is answered 401.
    """

    def __init__(self) -> None:
        super().__init__()
        self.secret: str | None = None

    def answer(self, request: Request) -> Reply:
        """204, or 401 where the signature is not right."""
        if self.secret is not None and not is_signed(request, self.secret):
            return Reply(status=401, body={"error": "wrong signature"})
        return Reply(status=204, body=b"")


def is_signed(request: Request, secret: str) -> bool:
    """Whether a request was signed with this secret."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    head = f"{request.headers.get('webhook-id', '')}.{request.headers.get('webhook-timestamp', '')}."
    right = base64.b64encode(hmac.digest(key, head.encode() + request.body, hashlib.sha256)).decode()
    return any(
        hmac.compare_digest(one, f"v1,{right}") for one in request.headers.get("webhook-signature", "").split(" ")
    )
