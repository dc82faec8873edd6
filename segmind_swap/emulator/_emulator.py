"""The class `Emulator`: its settings, its ledger, its controls in Python, and its server."""

import asyncio
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import anyio
from starlette.types import ASGIApp

from ._app import App
from ._contract import (
    Acceptance,
    AuthScheme,
    Contract,
    FailureShape,
    HistoryPage,
    HistoryPages,
    HistoryRow,
    HistoryTime,
    OutputShape,
    PollPath,
    ResetFormat,
    StateWords,
    UploadField,
    UrlSpelling,
)
from ._control.controls import Account, Controls
from ._control.routes import ControlApi
from ._control.traffic import TrafficLog
from ._faults.fault import Fault
from ._faults.rules import PlacedFault
from ._pictures.engine import Engine
from ._server import behind_proxy, listen, loopback_only, serve_in_foreground, serve_in_thread, url_of
from ._service.api import Api
from ._service.auth import KeyCheck
from ._service.calls import Call, CallLog, Kind
from ._service.files import FileStore
from ._service.history import History
from ._service.ledger import Charge, Ledger
from ._service.outputs import EngineName, Impossible, Outputs
from ._service.rate_limit import RateLimit

UPLOADS_KEPT_BYTES = 256 * 1024 * 1024
"""When the uploads exceed this size, the least recently used are dropped.

A job that needs a dropped upload fails, and says so.
"""

RENDER_THREADS = 2
"""Pictures that a server decodes or Each may take 640 MB, a photo of a phone 40 MB."""


class Emulator:
    """An account at a local Segmind.

    Use `app` with an ASGI transport, under real or virtual time, or `serve` for a real socket. The clock is
    that of the event loop that runs the application, in seconds, until `pause` or `advance` changes it.
    Therefore an emulator belongs to one event loop at a time. Every method may be called from any thread.

    Args:
        duration: Seconds a job takes at speed 1. The measured mean of the service (the workflow's API page).
        speed: A job takes ``duration / speed`` seconds.
        price_usd: The price of a job, charged when the job is accepted (the workflow's API page).
        refund_failed: Whether the price of a failed job is refunded.
        credits_usd: The credits of the account at the start.
        no_credits_status: The status of a submit that the account cannot pay for: 406 or 402.
        api_key: The only valid key. None accepts any key.
        auth: The header in which submit and poll accept the key. The other calls always accept ``x-api-key``,
            and a bearer token only if ``auth`` is "bearer".
        rate_limit: Requests a minute, in fixed windows that start with the first request. None: no limit.
        count_polls: Whether polls count towards the rate limit, beside submits.
        reset_format: How a 429 says when the next window starts, a `ResetFormat`.
        record_lifetime: Seconds after its acceptance for which a job can be polled. Later polls get a 404.
        acceptance: The fields of the response to an accepted submit, an `Acceptance`.
        poll_path: The path in the ``poll_url`` of an accepted submit, a `PollPath`. Polls work under each
            path.
        state_words: The words for a job's state, a `StateWords`.
        output: How a completed job names its picture, an `OutputShape`.
        failure: Where a failed job names its reason, a `FailureShape`.
        failed_status: The HTTP status of a poll that finds a job failed: 200 or 422.
        metrics: Whether the last poll of a job carries ``metrics``, and ``x-cost`` if the job is completed.
        upload_field: The key of the URLs in the response to an upload: "file_urls" or "urls".
        upload_limit_bytes: The largest decoded picture that can be uploaded. A larger picture gets a 413.
        gateway_bills: Whether a submit that a fault answers with 502, 503 or 504 has started, and billed, its
            job. The fault's ``accepts`` takes precedence.
        lists_history: Whether workflow runs appear in the request history.
        history_page: What a page of the history looks like, a `HistoryPage`.
        history_row: What a row of the history looks like, a `HistoryRow`.
        history_time: How a row of the history says when its job was accepted, a `HistoryTime`.
        history_pages: What further pages of the history are, a `HistoryPages`.
        history_page_size: The most rows that a page of the history has, whatever is asked for.
        history_delay: Seconds after its acceptance from which a job is in the history.
        urls: How the URLs of jobs and pictures are written, a `UrlSpelling`.
        engine: What makes the picture of a job. "preview" swaps by cut-and-paste and needs the extra
            ``segmind-swap[preview]``. "sheet" returns both inputs side by side and labelled. "none" returns a
            fixed picture of 8 x 8 pixels. Otherwise an `Engine`.
        impossible: What becomes of a job whose engine finds the swap impossible, as the preview does if
            nothing stands out in a picture. "fail": the job ends FAILED. "sheet": its picture is the sheet,
            which says why.
        faults: The faults, in order of precedence.
        seed: The random seed that decides which calls a fault with a probability hits.
        workflows: The workflow ids that exist. A submit to another id gets a 404.

    Raises:
        ValueError: a setting is out of its range.
        ImportError: ``engine`` is "preview" and its extra is not installed.
    """

    def __init__(
        self,
        *,
        duration: float = 71.89,
        speed: float = 1.0,
        price_usd: float = 0.1522,
        refund_failed: bool = False,
        credits_usd: float = 100.0,
        no_credits_status: Literal[402, 406] = 406,
        api_key: str | None = "emulator-key",
        auth: AuthScheme = "both",
        rate_limit: int | None = None,
        count_polls: bool = False,
        reset_format: ResetFormat = "iso",
        record_lifetime: float = 3600.0,
        acceptance: Acceptance = "full",
        poll_path: PollPath = "/workflows/request",
        state_words: StateWords = "documented",
        output: OutputShape = "json-list",
        failure: FailureShape = "error",
        failed_status: Literal[200, 422] = 200,
        metrics: bool = False,
        upload_field: UploadField = "file_urls",
        upload_limit_bytes: int = 20 * 1024 * 1024,
        gateway_bills: bool = False,
        lists_history: bool = True,
        history_page: HistoryPage = "data",
        history_row: HistoryRow = "documented",
        history_time: HistoryTime = "iso",
        history_pages: HistoryPages = "numbered",
        history_page_size: int = 100,
        history_delay: float = 0.0,
        urls: UrlSpelling = "plain",
        engine: EngineName | Engine = "sheet",
        impossible: Impossible = "fail",
        faults: Sequence[Fault] = (),
        seed: int = 0,
        workflows: Container[str] = ("678aa4026426baad7e5392fb-v7",),
    ) -> None:
        at_least_zero = {
            "duration": duration,
            "price_usd": price_usd,
            "credits_usd": credits_usd,
        }
        for name, value in at_least_zero.items():
            if not 0 <= value < float("inf"):
                raise ValueError(f"`{name}` must be a number of at least 0, not {value!r}")
        if not 0 < speed < float("inf"):
            raise ValueError(f"`speed` must be greater than 0, not {speed!r}")
        if rate_limit is not None and rate_limit < 1:
            raise ValueError(f"`rate_limit` must be at least 1 request a minute or None, not {rate_limit!r}")
        if isinstance(workflows, str):
            raise ValueError("`workflows` must be a collection of ids, not a string")
        self._api_key = api_key
        uploads = FileStore(UPLOADS_KEPT_BYTES)
        contract = Contract(
            auth=auth,
            refund_failed=refund_failed,
            count_polls=count_polls,
            record_lifetime=record_lifetime,
            poll_path=poll_path,
            acceptance=acceptance,
            state_words=state_words,
            output=output,
            failure=failure,
            failed_status=failed_status,
            no_credits_status=no_credits_status,
            reset_format=reset_format,
            upload_field=upload_field,
            upload_limit_bytes=upload_limit_bytes,
            gateway_bills=gateway_bills,
            metrics=metrics,
            lists_history=lists_history,
            history_page=history_page,
            history_row=history_row,
            history_time=history_time,
            history_pages=history_pages,
            history_page_size=history_page_size,
            history_delay=history_delay,
            urls=urls,
        )
        keys = KeyCheck(api_key=api_key, auth=contract.auth)

        def open_account() -> Account:
            ledger = Ledger(
                credits_usd=credits_usd,
                price_usd=price_usd,
                job_time=duration / speed,
                record_lifetime=contract.record_lifetime,
                refund_failed=contract.refund_failed,
            )
            outputs = Outputs(ledger=ledger, uploads=uploads, engine=engine, impossible=impossible)
            limit = RateLimit(rate_limit)
            api = Api(
                contract=contract,
                keys=keys,
                rate_limit=limit,
                ledger=ledger,
                uploads=uploads,
                outputs=outputs,
                workflows=workflows,
                history=History(contract=contract),
            )
            return Account(
                api=api,
                ledger=ledger,
                rate_limit=limit,
                outputs=outputs,
                calls=CallLog(),
                traffic=TrafficLog(),
            )

        self._controls = Controls(open_account, faults=faults, seed=seed)
        # The page shows the default key, because its user needs the key. A chosen key may be a real key.
        key = api_key if api_key in (None, "emulator-key") else "…"
        settings = {"speed": speed, "job_seconds": duration / speed, "api_key": key}
        self._app = App(self._controls, ControlApi(self._controls, settings=settings))

    @property
    def app(self) -> ASGIApp:
        """The ASGI application, without threads and tasks: ``httpx.ASGITransport(app=emulator.app)``.

        Inputs are decoded, and sheets are drawn, on the event loop. A preview is made in a thread. A cut is
        raised as ``ConnectionResetError``.
        """
        return self._app

    @property
    def api_key(self) -> str | None:
        """The only valid key; None if any key is valid."""
        return self._api_key

    @property
    def ledger(self) -> tuple[Charge, ...]:
        """Every accepted job in order of acceptance, including the jobs whose response was lost."""
        return self._controls.account.ledger.charges()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The last 100,000 calls in order of arrival."""
        return self._controls.account.calls.recent()

    @property
    def credits_usd(self) -> float:
        """The credits that the account still has."""
        return self._controls.account.ledger.credits_usd

    def count(self, kind: Kind) -> int:
        """How many calls of this kind have arrived, whether or not they were answered."""
        return self._controls.account.calls.count(kind)

    def paid_twice(self) -> list[tuple[str, str]]:
        """The swaps that were billed more than once, as (reference, scene).

        A picture is its sha256 if known, else its URL. Refunded jobs do not count.
        """
        times = Counter(charge.identity for charge in self.ledger if not charge.refunded)
        return [identity for identity, count in times.items() if count > 1]

    @property
    def faults(self) -> tuple[PlacedFault, ...]:
        """The faults in force, in order of precedence, without the faults that are used up."""
        return self._controls.rules.in_force()

    def inject(self, fault: Fault) -> int:
        """Add a fault after the faults in force. Returns the number to withdraw the fault by.

        The call numbers of the new fault count from the first call of the account, not from now.
        """
        return self._controls.inject(fault)

    def withdraw(self, number: int) -> bool:
        """Withdraw a fault. False if no fault in force has this number."""
        return self._controls.rules.remove(number)

    def withdraw_all(self) -> None:
        """Withdraw all faults."""
        self._controls.rules.clear()

    @property
    def paused(self) -> bool:
        """Whether the clock is paused."""
        return self._controls.clock.paused

    def pause(self) -> None:
        """Pause the clock: no job proceeds and no record ages, but every call is answered."""
        self._controls.clock.pause()

    def resume(self) -> None:
        """Resume the clock at the time at which it was paused."""
        self._controls.clock.resume()

    def advance(self, seconds: float) -> None:
        """Advance the clock, paused or not: jobs end earlier and records age.

        Raises:
            ValueError: ``seconds`` is negative or not finite.
        """
        self._controls.clock.advance(seconds)

    def reset(self) -> None:
        """Restore the start: an empty ledger, all credits, the faults of the start, and a running clock.

        Earlier jobs become unknown. Uploads stay, because clients keep their URLs.
        """
        self._controls.reset()

    @contextmanager
    def serve(self, port: int = 0, *, host: str = "127.0.0.1", allow_remote: bool = False) -> Iterator[str]:
        """Serve in a thread with an asyncio loop of its own; yields the base URL.

        Works from asyncio, trio and synchronous code. Port 0 means any free port. When the block ends, the
        connections of unanswered requests are cut. The page that shows the account is at the base URL.

        Without ``allow_remote``, the server answers only requests whose ``Host`` is a name of this machine.
        With ``allow_remote``, every client that reaches the port can use the account and the controls. Then
        the headers ``X-Forwarded-Proto`` and ``X-Forwarded-Host`` of a proxy say which URL the client called.

        Raises:
            ValueError: ``host`` is not loopback and ``allow_remote`` is false, or there is no such port.
            OSError: the port is not available; the message names the port.
        """
        listener = listen(host, port, allow_remote=allow_remote)
        url = url_of(listener)
        try:
            app = behind_proxy(self._app) if allow_remote else loopback_only(self._app)
            with serve_in_thread(app, listener, self._enter_server):
                yield url
        finally:
            self._leave_server()

    def run(
        self,
        host: str = "127.0.0.1",
        port: int = 8765,
        on_ready: Callable[[str], object] | None = None,
        *,
        allow_remote: bool = False,
    ) -> None:
        """Serve until Ctrl-C, SIGTERM or SIGHUP, then return. Must be called from the main thread.

        ``on_ready`` is called with the base URL once connections are accepted. Raises the same errors as
        `serve`.
        """
        listener = listen(host, port, allow_remote=allow_remote)
        url = url_of(listener)

        def ready() -> None:
            self._enter_server()
            if on_ready is not None:
                on_ready(url)

        try:
            app = behind_proxy(self._app) if allow_remote else loopback_only(self._app)
            serve_in_foreground(app, listener, ready)
        finally:
            self._leave_server()

    def _enter_server(self) -> None:
        # Called on the server's event loop. The caller of `serve` may run another loop, even one of trio.
        self._controls.account.outputs.limiter = anyio.CapacityLimiter(RENDER_THREADS)
        self._controls.clock.source = asyncio.get_running_loop().time

    def _leave_server(self) -> None:
        self._controls.account.outputs.limiter = None
        self._controls.clock.source = anyio.current_time
