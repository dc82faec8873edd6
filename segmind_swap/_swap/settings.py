"""A client's life: its settings, its start on one event loop, and its end."""

from __future__ import annotations

import os
import ssl
import warnings
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import anyio.lowlevel

from .._api.origins import Service
from .._concurrency import DetachedTasks
from .._config import (
    BASE_URL,
    MAX_IMAGE_BYTES,
    MAX_IN_FLIGHT,
    TIMEOUT,
    WORKFLOW,
    Auth,
    PollPolicy,
    RateLimit,
    RequestTimeouts,
    RetryPolicy,
    checked_key,
    checked_workflow,
    one_of,
    positive,
    whole,
)
from .._errors import ConfigurationError
from .._events import EventHandler
from .._http.circuit_breaker import CircuitBreaker
from .._http.client import HttpClient, HttpSettings
from .._http.gate import LocalGate
from .._http.pools import PoolSettings
from .free_calls import probe
from .session import Session
from .uploads import Uploads

if TYPE_CHECKING:
    import httpx


class Life:
    """What every call of a client begins with: a session on the event loop that calls."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        workflow: str = WORKFLOW,
        auth: Auth = "auto",
        max_in_flight: int = MAX_IN_FLIGHT,
        rate_limit: RateLimit = RateLimit(),  # noqa: B008 - frozen
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        polling: PollPolicy = PollPolicy(),  # noqa: B008 - frozen
        timeout: float = TIMEOUT,
        request_timeouts: RequestTimeouts = RequestTimeouts(),  # noqa: B008 - frozen
        proxy: str | None = None,
        verify: bool | ssl.SSLContext = True,
        transport: httpx.AsyncBaseTransport | None = None,
        allow_http: bool = False,
        max_image_bytes: int = MAX_IMAGE_BYTES,
        on_event: EventHandler | None = None,
    ) -> None:
        self._session: Session | None = None
        self._uploads: Uploads | None = None
        self._closed = False
        one_of("auth", auth, ("auto", "bearer", "x-api-key"))
        whole("max_in_flight", max_in_flight)
        whole("max_image_bytes", max_image_bytes)
        positive("timeout", timeout, infinite=True)
        if transport is not None and proxy is not None:
            raise ConfigurationError("give a transport or a proxy, not both: a transport knows its own way")
        self._workflow = checked_workflow(workflow)
        self._max_in_flight = max_in_flight
        self._rate_limit = rate_limit
        self._retry = retry
        self._polling = polling
        self._timeout = timeout
        self._max_image_bytes = max_image_bytes
        self._on_event = on_event
        service = Service(base_url or os.environ.get("SEGMIND_BASE_URL") or BASE_URL, allow_http)
        self._http_settings = HttpSettings(
            service=service,
            key=checked_key(api_key if api_key is not None else os.environ.get("SEGMIND_API_KEY")),
            auth=auth,
            timeouts=request_timeouts,
            user_agent=f"segmind-swap/{_version()}",
            clients=PoolSettings(
                is_local=service.origin.loopback,
                proxy=proxy,
                verify=verify,
                transport=transport,
            ),
        )

    def __repr__(self) -> str:
        return f"<SwapClient of {self._http_settings.service.base_url}, workflow {self._workflow}>"

    def __reduce__(self) -> str:
        raise TypeError("a SwapClient cannot be pickled: it holds the key, and belongs to one event loop")

    async def __aenter__(self) -> Self:
        self._started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the client. A submit whose answer is on its way has up to 15 s to bring it home."""
        self._closed = True
        if self._session is None:
            return
        session, _ = self._on_this_loop(self._session)
        session.http.refuse_submits()
        try:
            await session.detached.drain()
        finally:
            # Plain asyncio cancellation may cut the wait short; the connections are closed all the same.
            await session.http.aclose()
            self._session = None

    def __del__(self) -> None:
        if getattr(self, "_session", None) is not None:
            warnings.warn(
                f"{self!r} was never closed: use `async with SwapClient() as client:` or call `aclose()`",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    def _started(self) -> tuple[Session, Uploads]:
        """The session, made at the first use: only then is it known which event loop it belongs to."""
        if self._closed:
            raise ConfigurationError("the client was closed: make a new one")
        if self._session is not None:
            return self._on_this_loop(self._session)
        pace = LocalGate(self._rate_limit, self._retry)
        http = HttpClient(self._http_settings, pace, self._on_event)
        self._loop = anyio.lowlevel.current_token()
        self._session = Session(
            http=http,
            breaker=CircuitBreaker(partial(probe, http), self._on_event),
            detached=DetachedTasks(),
            slots=anyio.Semaphore(self._max_in_flight),
            workflow=self._workflow,
            timeout=self._timeout,
            retry=self._retry,
            polling=self._polling,
            max_image_bytes=self._max_image_bytes,
            on_event=self._on_event,
        )
        self._uploads = Uploads(self._session)
        return self._session, self._uploads

    def _on_this_loop(self, session: Session) -> tuple[Session, Uploads]:
        assert self._uploads is not None  # noqa: S101 - made together with the session
        if anyio.lowlevel.current_token() != self._loop:
            raise ConfigurationError(
                "the client was started on another event loop: make one client for each loop"
                " (each `asyncio.run` or `trio.run` is a loop of its own)"
            )
        return session, self._uploads


def _version() -> str:
    try:
        return version("segmind-swap")
    except PackageNotFoundError:
        return "0"
