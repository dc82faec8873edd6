"""Clients of an emulator in the same process."""

from typing import Any

import httpx

from segmind_swap import PollPolicy, SwapClient
from segmind_swap.emulator import Emulator

ANY_KEY = "any-key"
"""For an emulator that accepts every key."""

POLLS = PollPolicy(interval=0.01)
"""A job of the emulator takes as long as the test wants it to: there is no reason to look seldom."""


def connect(emulator: Emulator, **settings: Any) -> SwapClient:
    """A client of this emulator, without a socket; use it with ``async with``, or close it.

    Args:
        emulator: Whom to talk to. It answers on the loop that the client is used on.
        settings: Those of `SwapClient`. Without ``polling`` it polls every 0.01 s.
    """
    defaults: dict[str, Any] = {
        "api_key": emulator.api_key or ANY_KEY,
        "base_url": "http://127.0.0.1",
        "transport": httpx.ASGITransport(app=emulator.app),
        "polling": POLLS,
    }
    return SwapClient(**(defaults | settings))
