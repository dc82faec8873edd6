"""The settings of a client: one checked, immutable value, with the environment read into it."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from .._api.origins import Service
from .._config import (
    BASE_URL,
    Auth,
    PollPolicy,
    RateLimit,
    RequestTimeouts,
    RetryPolicy,
    checked_key,
    checked_workflow,
    one_of,
    package_version,
    positive,
    whole,
)
from .._errors import ConfigurationError
from .._events import EventHandler
from .._http.client import HttpSettings
from .._http.pools import PoolSettings
from .._protocols.gate import Gate

if TYPE_CHECKING:
    import httpx

_notice = logging.getLogger("segmind_swap.notice")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Every setting of a `SwapClient`. The constructor checks the values; `of` reads the environment.

    Attributes:
        http: How to reach the service; holds the API key, which no `repr` shows.
        workflow: The id of the workflow to run.
        max_in_flight: How many swaps may be in flight at once.
        rate_limit: The account's rate limit, as far as it is known, or the gate that decides instead.
        retry: When to repeat a request.
        polling: When to poll a job.
        timeout: Seconds a job may take, and a 429 may last.
        max_image_bytes: The largest input image, in bytes.
        budget_usd: What all POSTs of the client may cost, in USD; None for no limit.
        price_usd: The assumed cost of a swap, in USD.
        max_submitted: How many submitted jobs may be open.
        handlers: The functions that get each event, in this order.

    Raises:
        ConfigurationError: a value cannot be used.
    """

    http: HttpSettings
    workflow: str
    max_in_flight: int
    rate_limit: RateLimit | Gate
    retry: RetryPolicy
    polling: PollPolicy
    timeout: float
    max_image_bytes: int
    budget_usd: float | None
    price_usd: float
    max_submitted: int
    handlers: tuple[EventHandler, ...]

    def __post_init__(self) -> None:
        checked_workflow(self.workflow)
        whole("max_in_flight", self.max_in_flight)
        whole("max_image_bytes", self.max_image_bytes)
        whole("max_submitted", self.max_submitted)
        positive("timeout", self.timeout, infinite=True)
        if self.budget_usd is not None:
            positive("budget_usd", self.budget_usd, zero=True)
        positive("price_usd", self.price_usd)
        for handler in self.handlers:
            if not callable(handler):
                raise ConfigurationError(
                    f"`on_event` must be a function, or a sequence of functions, not {handler!r}"
                )

    @classmethod
    def of(
        cls,
        *,
        api_key: str | None,
        base_url: str | None,
        workflow: str,
        auth: Auth,
        max_in_flight: int,
        rate_limit: RateLimit | Gate,
        retry: RetryPolicy,
        polling: PollPolicy,
        timeout: float,
        request_timeouts: RequestTimeouts,
        proxy: str | None,
        verify: bool | ssl.SSLContext,
        transport: httpx.AsyncBaseTransport | None,
        fast: bool,
        allow_http: bool,
        max_image_bytes: int,
        budget_usd: float | None,
        price_usd: float,
        max_submitted: int,
        on_event: EventHandler | Sequence[EventHandler] | None,
    ) -> ClientSettings:
        """The settings that the arguments of `SwapClient` describe. The environment is read now, once.

        `SEGMIND_API_KEY` and `SEGMIND_BASE_URL` replace an `api_key` and a `base_url` of None.
        `SEGMIND_ALLOW_HTTP=1` accepts `http://` for the origin of the base URL only, unless the origin is
        Segmind's. A warning is logged once for each such origin.
        `SEGMIND_FAST=0` turns the extra `fast` off.

        Raises:
            ConfigurationError: there is no key, or a value cannot be used.
        """
        one_of("auth", auth, ("auto", "bearer", "x-api-key"))
        if transport is not None and proxy is not None:
            raise ConfigurationError(
                "give a transport or a proxy, not both: the transport opens its own connections"
            )
        service = Service(
            base_url or os.environ.get("SEGMIND_BASE_URL") or BASE_URL,
            allow_http,
            allow_http_base=_switch("SEGMIND_ALLOW_HTTP"),
        )
        if service.sends_in_clear_text and not allow_http:
            _warn_of_clear_text(str(service.origin))
        http = HttpSettings(
            service=service,
            key=checked_key(api_key if api_key is not None else os.environ.get("SEGMIND_API_KEY")),
            auth=auth,
            timeouts=request_timeouts,
            user_agent=f"segmind-swap/{package_version()}",
            pools=PoolSettings(
                is_local=service.origin.loopback,
                proxy=proxy,
                verify=verify,
                transport=transport,
                base_url=service.base_url,
                fast=fast and os.environ.get("SEGMIND_FAST") != "0",
            ),
        )
        return cls(
            http=http,
            workflow=workflow,
            max_in_flight=max_in_flight,
            rate_limit=rate_limit,
            retry=retry,
            polling=polling,
            timeout=timeout,
            max_image_bytes=max_image_bytes,
            budget_usd=budget_usd,
            price_usd=price_usd,
            max_submitted=max_submitted,
            handlers=_handlers(on_event),
        )

    def timeout_of(self, timeout: float | None) -> float:
        """The timeout of one call, in seconds; the client's if None.

        Raises:
            ConfigurationError: the timeout is not above zero.
        """
        if timeout is None:
            return self.timeout
        positive("timeout", timeout, infinite=True)
        return timeout

    def concurrency_of(self, concurrency: int | None) -> int:
        """How many swaps of one batch may be in flight; the client's `max_in_flight` if None.

        Raises:
            ConfigurationError: the number is not a whole number from 1 to the client's `max_in_flight`.
        """
        if concurrency is None:
            return self.max_in_flight
        whole("concurrency", concurrency)
        if concurrency > self.max_in_flight:
            raise ConfigurationError(
                f"`concurrency` {concurrency} is above the client's `max_in_flight` {self.max_in_flight}:"
                " raise `max_in_flight`"
            )
        return concurrency


def _handlers(on_event: EventHandler | Sequence[EventHandler] | None) -> tuple[EventHandler, ...]:
    if on_event is None:
        return ()
    return tuple(on_event) if isinstance(on_event, Sequence) else (on_event,)


def _switch(name: str) -> bool:
    """An environment variable that is 1, or 0 or not set.

    Raises:
        ConfigurationError: the variable has another value.
    """
    value = os.environ.get(name, "").strip()
    if value not in {"", "0", "1"}:
        raise ConfigurationError(f"{name} must be 1 or 0, not {value!r}")
    return value == "1"


@cache
def _warn_of_clear_text(origin: str) -> None:
    """Logs a warning, once in a process for each origin."""
    _notice.warning("the API key and the pictures are sent to %s in clear text (SEGMIND_ALLOW_HTTP)", origin)
