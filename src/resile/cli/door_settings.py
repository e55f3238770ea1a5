"""What to enter at a sender so that it knocks at our door, to copy and paste; and a delivery to try it with."""

import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resile.ports.door_book import Door

_GITHUB = """\
At GitHub: Settings > Webhooks > Add webhook, of the repository or the organisation

  Payload URL   {address}
  Content type  application/json
  Secret        {secret}
  Events        Deployments, Deployment statuses, Pull requests, Pull request reviews, Pushes, Releases, Workflow runs

or, with GitHub's command line, for one repository:

  gh api repos/OWNER/REPOSITORY/hooks -f name=web -F active=true \\
    -f 'config[url]={address}' -f 'config[content_type]=json' -f 'config[secret]={secret}' \\
    -f 'events[]=deployment' -f 'events[]=deployment_status' -f 'events[]=pull_request' \\
    -f 'events[]=pull_request_review' -f 'events[]=push' -f 'events[]=release' -f 'events[]=workflow_run'"""
_GITLAB = """\
At GitLab: Settings > Webhooks > Add new webhook, of the project or the group

  URL           {address}
  Secret token  {secret}
  Trigger       Push events, Merge request events, Comments, Deployment events, Pipeline events, Releases events"""
_CDEVENTS = """\
At the sender of CDEvents (structured or binary CloudEvents over HTTP)

  URL     {address}
  Header  Authorization: Bearer {secret}

  curl {address} -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/cloudevents+json' -d @event.json"""
_PAGERDUTY = """\
At the sender of PagerDuty change events, where the address can be set

  URL          {address}
  Routing key  {secret}

  curl {address} -H 'Content-Type: application/json' -d '{{"routing_key": "{secret}",
    "payload": {{"summary": "Deployed shop 1.4.2", "source": "shop", "timestamp": "2024-05-01T10:00:00Z"}}}}'"""
_TOLD = {"github": _GITHUB, "gitlab": _GITLAB, "cdevents": _CDEVENTS, "pagerduty": _PAGERDUTY}


# Of a door without a secret, which no sender elsewhere can reach.
_HERE = "On this machine\n\n  curl {address} -H 'Content-Type: application/json'{event} -d @event.json"
_EVENT = {"github": " -H 'X-GitHub-Event: deployment_status'", "gitlab": " -H 'X-Gitlab-Event: Deployment Hook'"}


def settings_for(kind: str, address: str, secret: str | None) -> str:
    """What to enter at the sender."""
    if secret is None:
        return _HERE.format(address=address, event=_EVENT.get(kind, ""))
    return _TOLD[kind].format(address=address, secret=secret)


def test_delivery(door: "Door", secret: str | None) -> tuple[dict[str, str], bytes]:
    """Headers and body of a delivery that is signed as the sender signs, and means nothing."""
    name = secrets.token_hex(8)
    told: dict[str, object] = {"zen": "a test by `resile door test`", "test": name}
    headers = {"Content-Type": "application/json", "User-Agent": "resile"}
    if door.kind == "github":
        headers |= {"X-GitHub-Event": "ping", "X-GitHub-Delivery": f"test-{name}"}
    if door.kind == "gitlab":
        told["object_kind"] = "test"
        headers |= {"X-Gitlab-Event": "Test Hook", "X-Gitlab-Token": secret or ""}
    if door.kind == "cdevents":
        told["context"] = {"id": name, "source": "/resile", "type": "dev.cdevents.test.resile.0.1.0"}
        headers |= {"Authorization": f"Bearer {secret}"} if secret else {}
    if door.kind == "pagerduty":
        told["routing_key"] = secret
    body = json.dumps(told).encode()
    if door.kind == "github" and secret:
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return headers, body
