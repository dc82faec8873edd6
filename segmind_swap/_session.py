"""What the story's functions share: one started client on one event loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import anyio

from ._config import PollPolicy, RetryPolicy
from ._durations import Durations
from ._events import EventHandler
from ._http import Http
from ._outage import Outage
from ._tasks import Supervisor


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A started client.

    Attributes:
        slots: One for each swap in flight.
        durations: What the client's swaps took.
        targets: The files that swaps in flight will be saved to.
        timeout: Seconds a job may take, and a 429 may last.
    """

    http: Http
    outage: Outage
    supervisor: Supervisor
    slots: anyio.Semaphore
    workflow: str
    timeout: float
    retry: RetryPolicy
    polling: PollPolicy
    max_image_bytes: int
    on_event: EventHandler | None
    durations: Durations = field(default_factory=Durations)
    targets: set[Path] = field(default_factory=set)
