"""How soon what happens is known in 200 open browsers.

    python bench/live_fanout.py [--watchers 200] [--events 50] [--timeline 2000]

Starts the real program, opens so many streams of server-sent events, as browsers do, tells of events on one incident by
REST, and takes the time from the first byte sent until each stream has told of it. Then the same until each has also
asked for the parts of that incident's page anew and has their last byte, all in the moment in which they hear of it:
browsers spread themselves over 150 ms, after gathering for 200. While 200 watch, one more reader asks for pages.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path

from resile.app.settings import Settings
from resile.app.wiring import open_resile
from room_page import fill
from webhook_load import Address, processor_s, started

PAUSE_S = 0.3
LAST_S = 60.0


class Watcher:
    """One browser's stream."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.heard: dict[int, float] = {}
        self.news = asyncio.Event()

    async def listen(self, begun: asyncio.Event) -> None:
        """Read events until cancelled."""
        reader, writer = await asyncio.open_connection(*self._address)
        writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: {self._address[0]}\r\n\r\n".encode())
        try:
            assert b" 200 " in await reader.readline()
            while line := await reader.readline():
                if line.startswith(b"event: start"):
                    begun.set()
                if line.startswith(b'data: {"seq"'):
                    self.heard[json.loads(line[6:])["version"]] = time.perf_counter()
                    self.news.set()
        finally:
            writer.close()


async def asked(address: Address, path: str, body: dict[str, str] | None = None) -> bytes:
    """One request on a connection of its own; the body of the answer."""
    reader, writer = await asyncio.open_connection(*address)
    sent = b"" if body is None else json.dumps(body).encode()
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: {address[0]}\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n".encode() + sent)
    answer = await reader.read()
    writer.close()
    assert b" 200 " in answer[:20], answer[:300]
    return answer.partition(b"\r\n\r\n")[2]


def in_words(took: list[float]) -> str:
    """Median, p99 and longest."""
    each = sorted(took)
    p99 = each[min(len(each) - 1, round(0.99 * len(each)))]
    return f"median {1e3 * each[len(each) // 2]:5.0f} ms, p99 {1e3 * p99:5.0f} ms, longest {1e3 * each[-1]:5.0f} ms"


async def until(watchers: list[Watcher], version: int) -> None:
    """Wait until each stream has told of it."""
    async with asyncio.timeout(LAST_S):
        for one in watchers:
            while version not in one.heard:
                one.news.clear()
                await one.news.wait()


async def measure(address: Address, incident_id: str, options: argparse.Namespace, first: int) -> None:
    """Open the streams, tell, and print."""
    watchers = [Watcher(address) for _ in range(options.watchers)]
    begun = [asyncio.Event() for _ in watchers]
    streams = [asyncio.create_task(one.listen(it)) for one, it in zip(watchers, begun, strict=True)]
    async with asyncio.timeout(LAST_S):
        await asyncio.gather(*(it.wait() for it in begun))
    path = f"/incidents/{incident_id}"
    await asked(address, path)
    streamed: list[float] = []
    whole: list[float] = []
    reading: list[float] = []
    for number in range(options.events):
        version = first + number + 1
        began = time.perf_counter()
        await asked(address, f"/api/v1{path}/commands", {"command": "note", "text": f"news {number}"})
        await until(watchers, version)
        streamed += [one.heard[version] - began for one in watchers]
        if number % 5 == 0:
            await asyncio.gather(*(_parts(address, path, began, whole) for _ in watchers))
        at = time.perf_counter()
        await asked(address, "/now")
        reading.append(time.perf_counter() - at)
        await asyncio.sleep(PAUSE_S)
    print(f"live_fanout: told on {len(watchers)} streams   {in_words(streamed)}, n = {len(streamed):,}")
    print(f"live_fanout: parts fetched by {len(watchers)} {in_words(whole)}, n = {len(whole):,}")
    print(f"live_fanout: /now for one more reader {in_words(reading)}, n = {len(reading)}")
    for one in streams:
        one.cancel()
    await asyncio.gather(*streams, return_exceptions=True)


async def _parts(address: Address, path: str, began: float, took: list[float]) -> None:
    await asked(address, f"{path}?part=live")
    took.append(time.perf_counter() - began)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--events", type=int, default=50)
    parser.add_argument("--timeline", type=int, default=2_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="resile-bench-", dir="/var/tmp") as folder:
        with open_resile(Settings(data=Path(folder))) as resile:
            incident_id = fill(resile, options.timeline)
            first = len(resile.timelines.read(incident_id))
        server, address = started({**os.environ, "RESILE_DATA": folder, "RESILE_PORT": "0"})
        try:
            asyncio.run(measure(address, incident_id, options, first))
            own = time.process_time()
            print(f"live_fanout: processor: server {processor_s(server.pid):.1f} s, this program {own:.1f} s")
        finally:
            server.terminate()
            server.wait(timeout=60)


if __name__ == "__main__":
    main()
