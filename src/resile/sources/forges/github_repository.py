"""One repository of GitHub that is being read: what all of its streams share."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from resile.ports.delivery_door import DoorOptions
from resile.ports.delivery_source import Cursors
from resile.sources.doors.github_pull_requests import repository_name
from resile.sources.doors.naming import Naming, Told
from resile.sources.forges.client import ForgeClient
from resile.sources.forges.rest import RestNode

_KEPT = ("id", "name", "full_name", "html_url", "default_branch")


class Repository:
    """A repository with the client that asks for its parts.

    Attributes:
        name: github.com/acme/shop.
        full_name: acme/shop.
        path: of its parts in the API: `repos/acme/shop`.
    """

    def __init__(
        self,
        client: ForgeClient,
        node: RestNode,
        options: DoorOptions,
        told: Told,
        *,
        cursors: Cursors,
        since: datetime | None,
    ) -> None:
        self.client = client
        self.options = options
        self.naming = Naming(options)
        self.told = told
        self.cursors = cursors
        self.since = since
        self.full_name = node["full_name"].needed_text()
        self.default_branch = node["default_branch"].text() or "main"
        self.path = f"repos/{quote(self.full_name)}"
        self._value = {name: node.value[name] for name in _KEPT if name in node.value}
        self.node = RestNode(f"GitHub's {self.full_name}", "", self._value)
        self.name = repository_name(self.about("", {}))

    def cursor(self, stream: str) -> str:
        """The name of a stream's cursor."""
        return f"github:{self.name}:{stream}"

    def about(self, what: str, parts: dict[str, Any]) -> RestNode:
        """Parts of answers in the shape of a webhook's body: with the repository beside them."""
        return RestNode(f"GitHub's {what} of {self.full_name}", "", {**parts, "repository": self._value})
