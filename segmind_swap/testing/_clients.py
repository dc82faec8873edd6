"""Clients for an emulator in the same process."""

from typing import Any

import httpx

from segmind_swap import PollPolicy, SwapClient
from segmind_swap.emulator import Emulator

ANY_KEY = "any-key"
"""The key for an emulator that accepts every key."""

POLLS = PollPolicy(interval=0.01)
"""A test sets how long a job of the emulator takes, so that short intervals cost little."""


def connect(emulator: Emulator, **settings: Any) -> SwapClient:
    """A client for this emulator, without a socket. Use it with ``async with``, or close it.

    Args:
        emulator: The emulator. It runs on the event loop of the client.
        settings: The arguments of `SwapClient`. Without ``polling``, the client polls every 0.01 s.
    """
    defaults: dict[str, Any] = {
        "api_key": emulator.api_key or ANY_KEY,
        "base_url": "http://127.0.0.1",
        "transport": httpx.ASGITransport(app=emulator.app),
        "polling": POLLS,
    }
    return SwapClient(**(defaults | settings))
