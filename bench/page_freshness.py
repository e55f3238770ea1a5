"""How soon what is told to the running server is on its pages.

    python bench/page_freshness.py [--times 30]

Starts the real program, tells it of a deployment by `POST /api/v1/deployments` and of an incident by
`POST /api/v1/incidents`, and opens the page on which it belongs again and again until it is there: from the first byte
sent to the last byte of that page.
"""

import argparse
import json
import os
import tempfile
import time
import urllib.request

from webhook_load import Address, started

LOOK_EVERY_S = 0.01
LAST_S = 30.0


def post(address: Address, path: str, told: dict[str, object]) -> None:
    """Tell it."""
    request = urllib.request.Request(
        f"http://{address[0]}:{address[1]}{path}", json.dumps(told).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - an address that resile printed
        answer.read()


def seconds_until(address: Address, path: str, text: str, began: float) -> float:
    """How long after `began` the text is on the page."""
    while True:
        with urllib.request.urlopen(f"http://{address[0]}:{address[1]}{path}") as answer:
            is_there = text in answer.read().decode()
        took = time.perf_counter() - began
        if is_there:
            return took
        assert took < LAST_S, f"{text!r} is not on {path}"
        time.sleep(LOOK_EVERY_S)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=30)
    options = parser.parse_args()
    took: dict[str, list[float]] = {"deployment": [], "incident": []}
    with tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp") as folder:
        server, address = started({**os.environ, "RESILE_DATA": folder, "RESILE_PORT": "0"})
        try:
            for number in range(options.times + 1):
                version, title = f"7.{number}.1", f"Checkout answers {500 + number}"
                began = time.perf_counter()
                post(address, "/api/v1/deployments", {"service": "shop", "version": version})
                took["deployment"].append(seconds_until(address, "/delivery", version, began))
                began = time.perf_counter()
                post(address, "/api/v1/incidents", {"title": title, "severity": "SEV2", "services": ["checkout"]})
                took["incident"].append(seconds_until(address, "/incidents", title, began))
        finally:
            server.terminate()
            server.wait(timeout=60)
    for what, each in took.items():
        # The first time, everything is made: journal, projection, templates.
        warm = sorted(each[1:])
        print(
            f"page_freshness: {what:10} median {1e3 * warm[len(warm) // 2]:5.0f} ms, longest {1e3 * warm[-1]:5.0f} ms, "
            f"first {1e3 * each[0]:5.0f} ms, n = {len(warm)}"
        )


if __name__ == "__main__":
    main()
