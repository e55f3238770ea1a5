"""A browser, or a program, before the real application."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

ORIGIN = "http://127.0.0.1:8321"
ADMIN = ("ann", "correct horse battery")
# Of everybody else.
PASSWORD = "purple monkey dishwasher"  # noqa: S105 - of nobody


class Visitor:
    """Keeps cookies, follows no redirects, and fills in the token of the last form it saw."""

    def __init__(self, app: FastAPI, *, address: str = "127.0.0.1", **headers: str) -> None:
        self.client = TestClient(
            app,
            base_url=ORIGIN,
            client=(address, 50_000),
            follow_redirects=False,
            headers=headers,
            raise_server_exceptions=False,
        )

    def get(self, path: str, **more: Any) -> Response:
        return self.client.get(path, **more)

    def form_token(self, path: str) -> str:
        found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', self.get(path).text)
        assert found is not None
        return found[1]

    def send(self, path: str, *, seen_on: str, headers: dict[str, str] | None = None, **fields: Any) -> Response:
        """Fill in the form of a page and send it, as a browser would."""
        token = self.form_token(seen_on)
        return self.client.post(
            path,
            data={**fields, "csrf_token": token},
            headers={"origin": ORIGIN, "sec-fetch-site": "same-origin"} | (headers or {}),
        )

    def set_up(self) -> "Visitor":
        """Make the first admin through the link, and stay logged in."""
        code = self.client.app.state.access.make_set_up_link()  # type: ignore[attr-defined]
        answer = self.send("/setup", seen_on="/setup", code=code, name=ADMIN[0], password=ADMIN[1])
        assert answer.status_code == 303
        return self

    def log_in(self, name: str, password: str) -> Response:
        return self.send("/login", seen_on="/login", name=name, password=password)

    def new_user(self, name: str, role: str) -> "Visitor":
        """As admin, add a user, who chooses a password and logs in from another browser."""
        page = self.send("/settings/users", seen_on="/settings", name=name, role=role)
        found = re.search(r"/welcome#([\w-]+)", page.text)
        assert found is not None
        other = Visitor(self.client.app)  # type: ignore[arg-type]
        assert other.send("/welcome", seen_on="/welcome", code=found[1], password=PASSWORD).status_code == 200
        assert other.log_in(name, PASSWORD).status_code == 303
        return other

    def new_token(self, *scopes: str, name: str = "ci", days: int = 30) -> str:
        """Make a token on the settings page; its value is shown there once."""
        page = self.send("/settings/tokens", seen_on="/settings", name=name, scopes=list(scopes), days=days)
        found = re.search(r"resile_[\w-]{40,}", page.text)
        assert found is not None
        return found[0]

    def program(self, *scopes: str, name: str = "ci") -> "Visitor":
        """A program with a token of these scopes."""
        return Visitor(self.client.app, authorization=f"Bearer {self.new_token(*scopes, name=name)}")  # type: ignore[arg-type]
