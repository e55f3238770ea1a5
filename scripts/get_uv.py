"""Fetch the uv that uv.lock names from PyPI into a folder; needs Python 3.11 and nothing else, not even pip."""

import hashlib
import io
import platform
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "uv.lock"
TIMEOUT_S = 120
ATTEMPTS = 3


def main(folder: Path, lock: Path = LOCK) -> None:
    """Put an executable `uv` into the folder."""
    wheel = _wheel(lock)
    print(f"fetching {wheel['url'].rpartition('/')[2]} from PyPI", flush=True)
    body = _fetch(wheel["url"])
    if (digest := "sha256:" + hashlib.sha256(body).hexdigest()) != wheel["hash"]:
        sys.exit(f"uv: what came has {digest}, uv.lock says {wheel['hash']}; try again, and distrust the network")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".data/scripts/uv"))
        folder.mkdir(parents=True, exist_ok=True)
        # Renamed into place, so that an interrupted run leaves no half of it.
        partial = folder / "uv.partial"
        partial.write_bytes(archive.read(name))
    partial.chmod(0o755)
    partial.replace(folder / "uv")


def _wheel(lock: Path) -> dict[str, str]:
    """The locked wheel for this machine."""
    import tomllib  # noqa: PLC0415 - an older Python gets as far as being told so

    package = next(p for p in tomllib.loads(lock.read_text(encoding="utf-8"))["package"] if p["name"] == "uv")
    machine = platform.machine().lower().replace("amd64", "x86_64")
    system = f"macosx_*_{machine}" if sys.platform == "darwin" else f"manylinux*_{machine}"
    for wheel in package["wheels"]:
        platforms = Path(wheel["url"]).stem.rpartition("-")[2]
        if any(Path(tag).match(system) for tag in platforms.split(".")):
            found: dict[str, str] = wheel
            return found
    sys.exit(f"uv: there is no wheel for {sys.platform} on {machine}; install uv yourself (https://docs.astral.sh/uv)")


def _fetch(url: str) -> bytes:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - https, from uv.lock
                body: bytes = answer.read()
                return body
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            print(f"uv: attempt {attempt} of {ATTEMPTS} failed: {error}", file=sys.stderr)
    sys.exit(f"uv: {url} cannot be reached; check the network, or install uv yourself and run make again")


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - said to whoever calls it with an older Python
        sys.exit(f"resile needs Python 3.11 or later, this is {platform.python_version()}; make PYTHON=python3.11 demo")
    main(Path(sys.argv[1]))
