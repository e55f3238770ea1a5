"""Who asks, for what needs to know whether they proved it."""

from fastapi import Request

from resile.app.access import Identity
from resile.response.playbook import Who


def who_of(request: Request) -> Who:
    """Who asks, and by which account, if they proved to have one."""
    identity: Identity | None = getattr(request.state, "identity", None)
    if identity is None:
        return Who("local")
    return Who(identity.by, None if identity.user is None else identity.user.name)
