"""Which forge is meant, and what of it, where an installation may stand under a path of its host."""

from urllib.parse import urlsplit

from msgspec import Struct

from resile.model.errors import ConfigError
from resile.sources.forges.address import Target, site_of, target_of


class RootedTarget(Struct, frozen=True, kw_only=True):
    """What is to be read of which installation.

    Attributes:
        target: with the path of a repository, or of what holds several, alone.
        root: the path under which the installation stands; mostly empty.
    """

    target: Target
    root: str

    def under(self, path: str) -> str:
        """The address of a path under the installation, such as of its API."""
        return "/".join(filter(None, (self.target.site, self.root, path)))


def rooted_target(text: str, host: str | None, *, public_host: str, kind: str) -> RootedTarget:
    """What a user means by `acme/platform/shop`, `acme`, or an address of the forge.

    Args:
        host: `git.acme.example`, or `https://acme.example/git` where the installation stands under a path.

    Raises:
        ConfigError: as target_of.
    """
    site, root = (None, "") if host is None else _split(host, public_host, kind)
    target = target_of(text, site, public_host=public_host, kind=kind)
    if root and "://" in text:
        path = target.path.removeprefix(f"{root}/")
        if path == target.path:
            raise ConfigError(f"{text[:100]} does not stand under --host {host}; leave one of them out")
        target = Target(site=target.site, path=path, is_public=False)
    return RootedTarget(target=target, root=root)


def _split(host: str, public_host: str, kind: str) -> tuple[str, str]:
    """The site of a host, and the path under which the installation stands there."""
    address = host if "://" in host else f"https://{host}"
    try:
        parts = urlsplit(address)
    except ValueError:
        return site_of(host), ""
    site = site_of(f"{parts.scheme}://{parts.netloc}")
    root = parts.path.strip("/")
    if not root:
        return site, ""
    if parts.query or parts.fragment:
        raise ConfigError(f"host {site}/{root[:100]} has more than a path; write https://acme.example/git")
    # A path is checked as that of a project is.
    return site, target_of(root, site, public_host=public_host, kind=kind).path
