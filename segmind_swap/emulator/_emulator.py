"""The emulator as its users see it."""

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
    Contract,
    FailureShape,
    OutputShape,
    PollPath,
    ResetFormat,
    StateWords,
    UploadField,
)
from ._control.controls import Account, Controls
from ._control.routes import ControlApi
from ._control.traffic import TrafficLog
from ._faults.fault import Fault
from ._faults.rules import PlacedFault
from ._pictures.engine import Engine
from ._server import listen, loopback_only, serve_in_foreground, serve_in_thread, url_of
from ._service.api import Api
from ._service.auth import AuthScheme, KeyCheck
from ._service.calls import Call, CallLog, Kind
from ._service.files import FileStore
from ._service.ledger import Charge, Ledger
from ._service.outputs import EngineName, Outputs
from ._service.rate_limit import RateLimit

UPLOADS_KEPT_BYTES = 256 * 1024 * 1024
"""Uploads beyond this drop the oldest, whose jobs then fail."""

RENDER_THREADS = 2
"""How many pictures a server decodes or draws at a time; each may take 160 MB."""


class Emulator:
    """An account at a local Segmind.

    Use `app` with an ASGI transport, under real or virtual time, or `serve` for a real socket. All times are
    seconds of the event loop that runs the application, so an emulator belongs to one loop at a time, unless
    `pause` and `advance` change them. Everything may be called from any thread.

    Args:
        duration: Seconds a job takes at speed 1. The measured mean of the service (the workflow's API page).
        speed: A job takes ``duration / speed`` seconds.
        price_usd: What a job costs, charged when it is accepted (the workflow's API page).
        refund_failed: A failed job gives its price back.
        credits_usd: What the account holds at first.
        no_credits_status: What a submit is answered that the account cannot pay for: 406 or 402.
        api_key: The only valid key; None accepts any.
        auth: The header in which submit and poll accept the key. The other calls always accept
            ``x-api-key``, and a bearer token only if this is "bearer".
        rate_limit: Requests a minute, in fixed windows from the first request on; None for no limit.
        count_polls: Polls use up the rate limit too; otherwise only submits do.
        reset_format: How a 429 tells when to come again, a `ResetFormat`.
        record_lifetime: Seconds after its acceptance for which a job can be polled; then the answer is 404.
        acceptance: What a submit answers, an `Acceptance`.
        poll_path: The path in the ``poll_url`` of an acceptance, a `PollPath`; all are answered.
        state_words: The words for a job's state, a `StateWords`.
        output: How a completed job names its picture, an `OutputShape`.
        failure: Where a failed job tells its reason, a `FailureShape`.
        failed_status: The HTTP status of a poll that finds a job failed: 200 or 422.
        metrics: The last poll of a job carries ``metrics``, and ``x-cost`` if it is completed.
        upload_field: The key of the URLs in the answer to an upload: "file_urls" or "urls".
        upload_limit_bytes: The largest picture that can be uploaded, decoded; a larger one is answered 413.
        gateway_bills: A submit that a fault answers with 502, 503 or 504 has started, and billed, its job,
            unless the fault's ``accepts`` says otherwise.
        lists_history: Workflow runs appear in the request history.
        engine: "preview" swaps by cut-and-paste, and needs the extra ``segmind-swap[preview]``; "sheet"
            returns both inputs side by side and labelled; "none" a fixed picture of 8 x 8 pixels; or an
            `Engine`.
        faults: What goes wrong, in order of precedence.
        seed: Decides which calls a fault with a probability hits.
        workflows: The ids that exist.

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
        engine: EngineName | Engine = "sheet",
        faults: Sequence[Fault] = (),
        seed: int = 0,
        workflows: Container[str] = ("678aa4026426baad7e5392fb-v7",),
    ) -> None:
        at_least_zero = {
            "duration": duration,
            "price_usd": price_usd,
            "credits_usd": credits_usd,
            "record_lifetime": record_lifetime,
        }
        for name, value in at_least_zero.items():
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be a number of at least 0, not {value!r}")
        if not 0 < speed < float("inf"):
            raise ValueError(f"speed must be greater than 0, not {speed!r}")
        if rate_limit is not None and rate_limit < 1:
            raise ValueError(f"rate_limit must be at least 1 request a minute or None, not {rate_limit!r}")
        if isinstance(workflows, str):
            raise ValueError("workflows must be a collection of ids, not one text")
        keys = KeyCheck(api_key=api_key, auth=auth)
        self._api_key = api_key
        uploads = FileStore(UPLOADS_KEPT_BYTES)
        contract = Contract(
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
        )

        def open_account() -> Account:
            ledger = Ledger(
                credits_usd=credits_usd,
                price_usd=price_usd,
                job_time=duration / speed,
                record_lifetime=record_lifetime,
                refund_failed=refund_failed,
            )
            outputs = Outputs(ledger=ledger, uploads=uploads, engine=engine)
            limit = RateLimit(rate_limit)
            api = Api(
                contract=contract,
                keys=keys,
                rate_limit=limit,
                count_polls=count_polls,
                ledger=ledger,
                uploads=uploads,
                outputs=outputs,
                workflows=workflows,
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
        # Whoever shall use an emulator needs its key; one that somebody has chosen may be a real one.
        key = api_key if api_key in (None, "emulator-key") else "…"
        settings = {"speed": speed, "job_seconds": duration / speed, "api_key": key}
        self._app = App(self._controls, ControlApi(self._controls, settings=settings))

    @property
    def app(self) -> ASGIApp:
        """The ASGI application, without threads and tasks: ``httpx.ASGITransport(app=emulator.app)``.

        Inputs are decoded, and sheets drawn, on the loop; a preview is made in a thread. A cut is raised as
        ``ConnectionResetError``.
        """
        return self._app

    @property
    def api_key(self) -> str | None:
        """The only valid key; None if any is."""
        return self._api_key

    @property
    def ledger(self) -> tuple[Charge, ...]:
        """Every accepted job in order of acceptance, those included whose answer was lost."""
        return self._controls.account.ledger.charges()

    @property
    def calls(self) -> tuple[Call, ...]:
        """The last 100,000 calls in order of arrival."""
        return self._controls.account.calls.recent()

    @property
    def credits_usd(self) -> float:
        """What the account still holds."""
        return self._controls.account.ledger.credits_usd

    def count(self, kind: Kind) -> int:
        """How many calls of this kind have arrived, whatever became of them."""
        return self._controls.account.calls.count(kind)

    def paid_twice(self) -> list[tuple[str, str]]:
        """The swaps that were billed more than once, as (reference, scene): sha256 where known, else URL.

        What was refunded does not count.
        """
        times = Counter(charge.identity for charge in self.ledger if not charge.refunded)
        return [identity for identity, count in times.items() if count > 1]

    @property
    def faults(self) -> tuple[PlacedFault, ...]:
        """The faults in force, in order of precedence; one that is used up is not among them."""
        return self._controls.rules.in_force()

    def inject(self, fault: Fault) -> int:
        """Add a fault, after those there are; the number to withdraw it by.

        Call numbers go on counting from the first call.
        """
        return self._controls.inject(fault)

    def withdraw(self, number: int) -> bool:
        """Take a fault back; false if none in force has this number."""
        return self._controls.rules.remove(number)

    def withdraw_all(self) -> None:
        """Take all faults back."""
        self._controls.rules.clear()

    @property
    def paused(self) -> bool:
        """Whether the clock stands."""
        return self._controls.clock.paused

    def pause(self) -> None:
        """Stop the clock: no job goes on and no record grows old, but every call is answered."""
        self._controls.clock.pause()

    def resume(self) -> None:
        """Let the clock go on from where it stands."""
        self._controls.clock.resume()

    def advance(self, seconds: float) -> None:
        """Put the clock forward, be it stopped or not: jobs are done earlier, records grow old.

        Raises:
            ValueError: ``seconds`` is negative or no finite number.
        """
        self._controls.clock.advance(seconds)

    def reset(self) -> None:
        """Begin anew: an empty ledger, all credits, the first faults, and a clock that runs.

        Jobs from before are unknown. Uploads stay, because clients remember their URLs.
        """
        self._controls.reset()

    @contextmanager
    def serve(self, port: int = 0, *, host: str = "127.0.0.1", allow_remote: bool = False) -> Iterator[str]:
        """Serve in a thread with an asyncio loop of its own; the block gets the base URL.

        Works from asyncio, trio and plain code. Port 0 is any free port. Requests still unanswered when the
        block ends are cut. A page that shows what happens is at the base URL itself.

        Without ``allow_remote`` only requests are answered whose ``Host`` is a name of this machine; with it,
        whoever reaches the port can use the account and the controls.

        Raises:
            ValueError: ``host`` is not loopback and ``allow_remote`` is false, or there is no such port.
            OSError: the port cannot be had; the message names it.
        """
        listener = listen(host, port, allow_remote=allow_remote)
        url = url_of(listener)
        try:
            app = self._app if allow_remote else loopback_only(self._app)
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
        """Serve until Ctrl-C or SIGTERM, then return; call it from the main thread.

        ``on_ready`` is given the base URL once connections are accepted. Errors as of `serve`.
        """
        listener = listen(host, port, allow_remote=allow_remote)
        url = url_of(listener)

        def ready() -> None:
            self._enter_server()
            if on_ready is not None:
                on_ready(url)

        try:
            app = self._app if allow_remote else loopback_only(self._app)
            serve_in_foreground(app, listener, ready)
        finally:
            self._leave_server()

    def _enter_server(self) -> None:
        # Called on the server's own loop: the caller may be on another one, even of another kind.
        self._controls.account.outputs.limiter = anyio.CapacityLimiter(RENDER_THREADS)
        self._controls.clock.source = asyncio.get_running_loop().time

    def _leave_server(self) -> None:
        self._controls.account.outputs.limiter = None
        self._controls.clock.source = anyio.current_time
