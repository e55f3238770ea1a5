import ssl
import subprocess
from pathlib import Path

import pytest

from resile.channels.http_client import HttpClient
from resile.channels.outward import Outward
from resile.channels.plugin import Surroundings
from resile.testing.simulated_clock import SimulatedClock
from tests.channels.messages import NOW
from tests.conftest import find_program


@pytest.fixture
def surroundings() -> Surroundings:
    """What channels are opened with; loopback is allowed, as all servers of tests are there."""
    http = HttpClient(Outward(["127.0.0.0/8"]))
    return Surroundings(http=http, clock=SimulatedClock(NOW), key=lambda: b"k" * 32)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost, with its key, that only vouches for itself."""
    folder = tmp_path_factory.mktemp("certificate")
    made = [find_program("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(made, check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture(scope="session")
def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context
