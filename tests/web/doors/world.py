"""A served resile with its doors."""

import hashlib
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from resile.app.access import Identity
from resile.app.settings import Settings
from resile.app.wiring import Resile, open_resile
from resile.ports.account_store import Scope
from resile.ports.journal import Verdict
from resile.web.protocol import BoundedProtocol
from resile.web.server import create_app
from tests.web.api.conftest import PASSWORDS

# A busy machine may take its time; what is tested here is not speed.
LONGEST_S = 60
# Without it each request reads the certificates of the whole world anew, for nothing: this is HTTP.
TLS = ssl.create_default_context()
KEEPER = Identity(by="test", name="test", scopes=frozenset(Scope))


class World:
    """A served resile and its address."""

    def __init__(self, resile: Resile, address: str) -> None:
        self.resile = resile
        self.address = address

    def door(self, kind: str, name: str | None = None, **more: Any) -> str:
        """Make a door; its secret."""
        _, secret = self.resile.doors.add(KEEPER, kind, name, **more)
        return secret or ""

    def post(self, path: str, body: bytes, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        told = {"content-type": "application/json"} | named
        return httpx2.post(self.address + path, content=body, headers=told, timeout=LONGEST_S, verify=TLS)

    def github(self, secret: str, body: bytes, *, path: str = "/doors/github", **headers: str) -> httpx2.Response:
        event = {"x_github_event": "deployment_status", "x_github_delivery": "g-1"} | headers
        return self.post(path, body, x_hub_signature_256=signature(secret, body), **event)

    def concluded(self, n: int = 1) -> list[Any]:
        """The journal once so many entries are processed, a second being enough; newest first."""
        until = time.monotonic() + LONGEST_S
        while time.monotonic() < until:
            found = self.resile.journal.entries()
            if len(found) >= n and all(one.verdict is not Verdict.WAITING for one in found):
                return found
            threading.Event().wait(0.02)
        raise AssertionError(f"not processed: {self.resile.journal.entries()}")


@contextmanager
def served(data: Path, **given: Any) -> Iterator[World]:
    """Serve the data folder on any port; what is given goes to `create_app`."""
    told = {"passwords": PASSWORDS} | given
    with open_resile(Settings(data=data)) as resile, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(create_app(resile, **told), log_config=None, access_log=False, http=BoundedProtocol)
        server = uvicorn.Server(config)
        # Ends with the tests whatever keeps it: one that hangs is seen as a failure, not as tests that never end.
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server has not started"
                threading.Event().wait(0.01)
            yield World(resile, f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(LONGEST_S)
        assert not thread.is_alive(), "the server has not ended"


def signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
