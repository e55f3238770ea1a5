"""Ann, who is reached by mail, and bob, by a webhook, both on this machine: as files that a real server is given."""


def two_people(hook: str) -> str:
    """Both of them as documents; another may follow.

    Args:
        hook: the site to which bob's pages go.
    """
    return f"""\
kind: person
name: ann
contacts:
- {{name: mail, channel: email, address: ann@example.org}}
---
kind: person
name: bob
contacts:
- {{name: hook, channel: webhook, address: "{hook}/bob"}}
---
"""


def reaching_settings(port: int) -> str:
    """Settings by which they are reached; what follows belongs to the table of mail.

    Args:
        port: of the SMTP server.
    """
    return f"""\
allowed_addresses = ["127.0.0.1"]
[channels.email]
host = "127.0.0.1"
port = {port}
tls = "none"
from = "Resile <resile@example.org>"
"""
