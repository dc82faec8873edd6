"""One visitor: sends two pictures, listens in several tabs until the end, and looks at the picture.

A visitor does what the page of the guide does: it sends again with the same id if there is no answer, and
connects again if a stream ends.
"""

import asyncio
import hashlib
import json
import random
import struct
import time
import uuid
import zlib
from dataclasses import dataclass, field

import aiohttp

_AGAIN = 1.0
"""Seconds after which a visitor tries again. The page waits for three, a stream for two to five."""


def picture(seed: str) -> bytes:
    """A small PNG that no other seed has."""
    pixels = random.Random(seed).randbytes(3 * 8 * 8)
    rows = b"".join(b"\0" + pixels[row : row + 24] for row in range(0, len(pixels), 24))

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@dataclass(slots=True)
class Visitor:
    """What a visitor sends, and what came of it.

    Attributes:
        tabs: How many streams of events it reads at a time.
        sent: How often it sent its pictures until there was an answer.
        connected: How often its streams were connected.
        updates: The number of each change that it was told, in all tabs.
        took: Seconds from the first attempt until the first answer.
        end: The final state.
        has_picture: Whether it got the picture from the application.
    """

    url: str
    name: str
    tabs: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent: int = 0
    connected: int = 0
    took: float = 0.0
    end: str = ""
    message: str = ""
    has_picture: bool = False
    updates: set[int] = field(default_factory=set)

    @property
    def scene_sha256(self) -> str:
        """Identifies its swap in the ledger of the emulator."""
        return hashlib.sha256(picture(self.name)).hexdigest()

    async def visit(self) -> None:
        """From the upload to the picture."""
        async with self.browser() as browser:
            await self.open_page(browser)
            started = time.monotonic()
            while True:
                self.sent += 1
                status = await self.send(browser)
                if status is not None and status < 500:
                    break
                await asyncio.sleep(_AGAIN)
            self.took = time.monotonic() - started
            assert status == 202, (self.name, status)
            await asyncio.gather(*(self.listen(browser) for _ in range(self.tabs)))
            if self.end == "saved":
                self.has_picture = await self._look_at_picture(browser)

    def browser(self) -> aiohttp.ClientSession:
        """A browser with cookies of its own."""
        return aiohttp.ClientSession(
            self.url,
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # the host is an address
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60),
        )

    async def open_page(self, browser: aiohttp.ClientSession) -> None:
        """Gets the page, and the cookie with it."""
        while True:
            try:
                async with browser.get("/") as answer:
                    assert "EventSource" in await answer.text()
                    return
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(_AGAIN)

    async def send(self, browser: aiohttp.ClientSession) -> int | None:
        """Sends the pictures. The status of the answer; None if there was none."""
        form = aiohttp.FormData()
        form.add_field("reference", picture("hero"), filename="hero.png")
        form.add_field("scene", picture(self.name), filename="scene.png")
        try:
            async with browser.put(f"/swaps/{self.id}", data=form) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def listen(self, browser: aiohttp.ClientSession) -> None:
        """One tab, until the event `end`."""
        last = ""
        while True:
            self.connected += 1
            headers = {"last-event-id": last} if last else {}
            try:
                async with browser.get(f"/swaps/{self.id}/events", headers=headers) as answer:
                    answer.raise_for_status()
                    async for line in answer.content:
                        field, _, value = line.decode().rstrip("\n").partition(": ")
                        if field == "id":
                            last = value
                        elif field == "data" and value != "{}":
                            self._told(json.loads(value))
                        elif (field, value) == ("event", "end"):
                            return
            except (aiohttp.ClientError, TimeoutError):
                pass
            await asyncio.sleep(_AGAIN * random.uniform(0.5, 1.5))

    def _told(self, swap: dict[str, object]) -> None:
        self.updates.add(int(str(swap["change"])))
        if swap["is_final"]:
            self.end, self.message = str(swap["state"]), str(swap["message"])

    async def _look_at_picture(self, browser: aiohttp.ClientSession) -> bool:
        while True:
            try:
                async with browser.get(f"/swaps/{self.id}/picture") as answer:
                    return answer.status == 200 and (await answer.read()).startswith(b"\x89PNG")
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(_AGAIN)
