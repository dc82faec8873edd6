"""The client: what users hold."""

from __future__ import annotations

import os
import ssl
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import anyio.lowlevel

from ._calls import ask, unanswered
from ._config import (
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
from ._downloads import check_target, claimed, read, save
from ._errors import ConfigurationError, SwapError
from ._events import EventHandler, Failed, tell
from ._http import Http, HttpSettings
from ._models import Credits, ImageInput, SwapJob, SwapResult, SwapStatus, request_of
from ._origin import Service
from ._outage import Outage
from ._pace import Pace
from ._session import Session
from ._submit import abandon, submit
from ._tasks import Supervisor
from ._uploads import Uploads
from ._wait import Updates, status, wait
from ._wire import credits_request, read_credits

if TYPE_CHECKING:
    import httpx


class SwapClient:
    """An asynchronous client of Segmind's AI Character Swap, for asyncio and trio.

    Use it as `async with SwapClient() as client:`, or without, and then `await client.aclose()`. One client
    belongs to one event loop, and serves any number of tasks.

    Args:
        api_key: The account's key; by default the environment's `SEGMIND_API_KEY`.
        base_url: Where the API is; by default `SEGMIND_BASE_URL`, else Segmind's own. Every call follows it,
            and only it then sees the key.
        workflow: The id of the published workflow.
        auth: `"auto"` finds out which of `"bearer"` and `"x-api-key"` the service takes (their documents
            disagree); either of them pins it.
        max_in_flight: How many swaps may be under way at once; further ones wait here, unpaid.
        rate_limit: What is known of the account's rate limit.
        retry: When to try again. `RetryPolicy(submit="strict")` never repeats a paid request that may have
            been accepted.
        polling: When to look at a job.
        timeout: Seconds a swap may take from its acceptance until it is done; saving is not counted, nor is
            waiting here for a turn. A 429 that lasts longer ends a call too.
        request_timeouts: How long one HTTP attempt may take.
        proxy: A proxy's URL; by default what the environment says, except for this machine itself.
        verify: An `ssl.SSLContext` of one's own, or False to trust any certificate.
        transport: An `httpx.AsyncBaseTransport` to use instead of the network. The client closes it.
        allow_http: Whether a `base_url` and pictures outside this machine may be `http://`.
        max_image_bytes: The largest input picture that is taken.
        on_event: A function that is given each event; it must not block. What it raises is logged.

    Raises:
        ConfigurationError: there is no key, or a setting cannot be used.
    """

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
        self._http_settings = HttpSettings(
            service=Service(base_url or os.environ.get("SEGMIND_BASE_URL") or BASE_URL, allow_http),
            key=checked_key(api_key if api_key is not None else os.environ.get("SEGMIND_API_KEY")),
            auth=auth,
            timeouts=request_timeouts,
            proxy=proxy,
            verify=verify,
            transport=transport,
            user_agent=f"segmind-swap/{_version()}",
        )

    def __repr__(self) -> str:
        return f"<SwapClient of {self._http_settings.service.base_url}, workflow {self._workflow}>"

    # Life

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
        await session.supervisor.drain()
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
        pace = Pace(self._rate_limit, self._retry)
        http = Http(self._http_settings, pace, self._on_event)
        self._loop = anyio.lowlevel.current_token()
        self._session = Session(
            http=http,
            outage=Outage(partial(unanswered, http), self._on_event),
            supervisor=Supervisor(),
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

    # One swap

    async def swap(
        self,
        *,
        reference_character_image: ImageInput,
        character_image: ImageInput,
        id: str | None = None,
        save_to: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        timeout: float | None = None,
    ) -> SwapResult:
        """Swaps a character: submits the job, and waits until it is done. Paid once it is accepted.

        Local pictures are uploaded first, which is free. A cancelled call stops at once if nothing was
        submitted yet; a job that was accepted runs on at the service, and is named in a warning.

        Args:
            reference_character_image: Who goes in: a path, bytes, an open binary file, a PIL image, or an
                http(s) URL that the service can reach. JPEG, PNG or WebP.
            character_image: The scene, whose character is replaced; likewise.
            id: A name of one's own for the swap, for events. It is not sent.
            save_to: Where to save the picture; a name without suffix is given that of the picture's type. A
                name that is taken is refused before anything is paid.
            overwrite: Whether `save_to` may replace a file.
            timeout: Seconds the swap may take since it was accepted; by default the client's.

        Returns:
            The finished swap; its `path` is where it was saved, if it was.

        Raises:
            ConfigurationError: a setting or `save_to` cannot be used. Nothing was sent.
            ImageError: a picture cannot be used. Nothing was submitted.
            ConnectionFailedError: the service was not reached. Nothing was submitted.
            StatusError: the submit was refused. Nothing is charged.
            SubmissionUnknownError: the submit may have been accepted and billed.
            SwapFailedError: the service reports that the swap failed.
            SwapTimeoutError: it still runs; `wait` for its `job` again.
            SwapExpiredError: the service no longer knows the job.
            OutputError: it is done and paid, but without a picture that could be found.
            DownloadError: it is done and paid, but could not be saved; its `url` still works.
        """
        session, _ = self._started()
        limit = self._limit(timeout)
        target = None if save_to is None else Path(save_to)
        with self._told_if_failed(id):
            if target is not None:
                await check_target(target, overwrite=overwrite)
            # The name is looked at once more: it may have been taken while this one waited for its turn.
            async with session.slots, claimed(session, target, overwrite=overwrite):
                job = await self._submit(reference_character_image, character_image, id)
                try:
                    return await self._finished(session, job, limit, target, overwrite=overwrite)
                except SwapError:
                    raise
                except BaseException:
                    # Cancelled, interrupted, out of memory: no error carries the job to anybody.
                    abandon(session, job)
                    raise

    async def _finished(
        self, session: Session, job: SwapJob, limit: float, target: Path | None, *, overwrite: bool
    ) -> SwapResult:
        """The free part of a swap. Every error of it carries the job."""
        try:
            result = await wait(session, job, timeout=limit)
            if target is None:
                return result
            path = await save(session, result, target, overwrite=overwrite)
            return result.model_copy(update={"path": path})
        except SwapError as exc:
            exc.job = job
            raise

    async def submit(
        self,
        *,
        reference_character_image: ImageInput,
        character_image: ImageInput,
        id: str | None = None,
    ) -> SwapJob:
        """Submits a swap, and returns as soon as it is accepted. Paid from then on.

        Keep the job's JSON: `wait` takes it in any process. Holds none of `max_in_flight`.

        Raises:
            ImageError, ConnectionFailedError, StatusError: nothing was accepted, nothing is charged.
            SubmissionUnknownError: it may have been accepted and billed.
        """
        self._started()
        with self._told_if_failed(id):
            return await self._submit(reference_character_image, character_image, id)

    async def _submit(self, reference: ImageInput, scene: ImageInput, id: str | None) -> SwapJob:
        session, uploads = self._started()
        request = request_of({"id": id, "reference_character_image": reference, "character_image": scene})
        reference_url, scene_url = await uploads.urls_of(
            request.reference_character_image, request.character_image
        )
        return await submit(session, reference_url=reference_url, scene_url=scene_url, id=id)

    async def status(self, job: SwapJob) -> SwapStatus:
        """Asks once how a job is. Free.

        Raises:
            StatusError, ConnectionFailedError, ResponseError: the question was not answered; the job is
                as well as before, and `job` is on the error.
            OutputError: it is COMPLETED without a picture that could be found.
        """
        session, _ = self._started()
        return await status(session, job)

    def updates(self, job: SwapJob) -> AsyncIterator[SwapStatus]:
        """Tells how a job is, from poll to poll, until it is final. Free; has no deadline.

        Polls that fail are made again. Raises what `wait` raises, but not `SwapFailedError`: a FAILED status
        comes as the last value.
        """
        session, _ = self._started()
        return Updates(session, job)

    async def wait(
        self,
        job: SwapJob,
        *,
        timeout: float | None = None,
        save_to: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
    ) -> SwapResult:
        """Waits until a job is done. Free, and may be repeated, here or in another process.

        A poll that fails never fails the job: it is made again until the time is up.

        Args:
            job: The job, of `submit`, of an error, or of its JSON.
            timeout: Seconds to wait from now; by default the client's.
            save_to: Where to save the picture, as in `swap`; looked at before anything is waited for.
            overwrite: Whether `save_to` may replace a file.

        Raises:
            SwapFailedError, SwapTimeoutError, SwapExpiredError, OutputError, DownloadError: see `swap`.
            AuthenticationError, PermissionDeniedError: this key may not ask; the job is as well as before.
            ConfigurationError: the job belongs to another service than this client's, or `save_to` cannot be
                used.
        """
        session, _ = self._started()
        limit = self._limit(timeout)
        target = None if save_to is None else Path(save_to)
        with self._told_if_failed(None):
            async with claimed(session, target, overwrite=overwrite):
                return await self._finished(session, job, limit, target, overwrite=overwrite)

    # Pictures and the account

    async def upload(self, image: ImageInput) -> str:
        """Uploads a picture, and returns its URL. Free. A picture that is a URL already is returned as it is.

        The same content is uploaded once an hour at most, however often it is asked for.

        Raises:
            ImageError: the picture cannot be used.
            StatusError, ConnectionFailedError, ResponseError: the upload did not succeed.
        """
        _, uploads = self._started()
        (url,) = await uploads.urls_of(image)
        return url

    async def read(self, result: SwapResult) -> bytes:
        """The finished picture's bytes: JPEG, PNG or WebP, at most 64 MiB. Free; sent without the key.

        Raises:
            DownloadError: it could not be fetched, or is no picture.
        """
        session, _ = self._started()
        return (await read(session, result)).data

    async def download(
        self, result: SwapResult, path: str | os.PathLike[str], *, overwrite: bool = False
    ) -> Path:
        """Saves the finished picture, and returns the file's path. Free; sent without the key.

        The file appears complete or not at all. A name without suffix is given that of the picture's type.

        Raises:
            ConfigurationError: the name is taken (without `overwrite`), or cannot be written.
            DownloadError: it could not be fetched or saved, or is no picture.
        """
        session, _ = self._started()
        target = Path(path)
        await check_target(target, overwrite=overwrite)
        return await save(session, result, target, overwrite=overwrite)

    async def credits(self) -> Credits:
        """What is left on the account, in USD. Free, and the documented way to check a key.

        Raises:
            AuthenticationError: the key is wrong.
            StatusError, ConnectionFailedError, ResponseError: the question was not answered.
        """
        session, _ = self._started()
        return read_credits(await ask(session, credits_request(session.http.service)))

    def _limit(self, timeout: float | None) -> float:
        if timeout is None:
            return self._timeout
        positive("timeout", timeout, infinite=True)
        return timeout

    @contextmanager
    def _told_if_failed(self, id: str | None) -> Iterator[None]:
        try:
            yield
        except SwapError as exc:
            tell(self._on_event, Failed(id=id, error=exc))
            raise


def _version() -> str:
    try:
        return version("segmind-swap")
    except PackageNotFoundError:
        return "0"
