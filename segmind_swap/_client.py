"""The client: what users hold."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ._api.requests import credits_request
from ._api.responses import read_credits
from ._batch.inputs import Requests, each, listed
from ._config import PRICE_USD, positive, whole
from ._errors import ConfigurationError, SwapError
from ._events import Failed
from ._models import Credits, ImageInput, SwapJob, SwapRequest, SwapResult, SwapStatus
from ._outcome import SwapOutcome
from ._swap.downloads import read
from ._swap.free_calls import ask
from ._swap.output_files import OutputFile, check_target, reserved, save
from ._swap.polling import Updates, status, wait
from ._swap.session import Session
from ._swap.settings import Life
from ._swap.submit import abandon, submit

# What only batches need is imported by the first of them.
if TYPE_CHECKING:
    from ._batch.outcomes import Outcomes
    from ._journal.journal import Journal


class SwapClient(Life):
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
        target = None if save_to is None else OutputFile.named(save_to, overwrite=overwrite)
        with self._told_if_failed(id):
            if target is not None:
                await check_target(target)
            # The name is looked at once more: it may have been taken while this one waited for its turn.
            async with session.slots, reserved(session, target):
                job = await self._submit(reference_character_image, character_image, id)
                try:
                    return await self._finished(session, job, limit, target)
                except SwapError:
                    raise
                except BaseException:
                    # Cancelled, interrupted, out of memory: no error carries the job to anybody.
                    abandon(session, job)
                    raise

    async def _finished(
        self, session: Session, job: SwapJob, limit: float, target: OutputFile | None
    ) -> SwapResult:
        """The free part of a swap. Every error of it carries the job."""
        try:
            result = await wait(session, job, timeout=limit)
            return result if target is None else await save(session, result, target)
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
        request = _request_of({"id": id, "reference_character_image": reference, "character_image": scene})
        reference_url, scene_url = await uploads.urls_of(
            request.reference_character_image, request.character_image
        )
        return await submit(session, reference_url=reference_url, scene_url=scene_url, id=id)

    # Many swaps

    def swap_many(
        self,
        requests: Requests,
        *,
        concurrency: int | None = None,
        journal: str | os.PathLike[str] | Journal | None = None,
        save_to: str | os.PathLike[str] | None = None,
        budget_usd: float | None = None,
        price_usd: float = PRICE_USD,
        retry_failed: bool = False,
    ) -> AbstractAsyncContextManager[Outcomes]:
        """Makes many swaps: `async with client.swap_many(…) as outcomes: async for outcome in outcomes: …`.

        A failed swap is a value, and does not end the others. With a journal, a batch that is killed at any
        moment goes on where it was when it is run again: what is done comes out again, what was accepted is
        waited for, and what may have been accepted is not sent again by itself.

        An answer that concerns the whole account (credits, key, permission) stops the batch from submitting,
        as does the budget; swaps in flight finish, and `outcomes.stopped_by` tells. While the service is
        away, the batch waits for it.

        Args:
            requests: What to swap: any iterable or async iterable, taken from as slots become free.
            concurrency: How many swaps at a time; by default, and at most, the client's `max_in_flight`.
            journal: Where each swap is written down before it is paid; it then needs a unique `id`.
            save_to: The folder for the pictures, as `<id>.png`, `.jpg` or `.webp`; made if it is missing.
            budget_usd: What the batch may cost at most, earlier runs of its journal included. Each POST that
                may have been accepted counts.
            price_usd: What a swap is taken to cost, until the service tells a higher cost.
            retry_failed: Whether swaps that failed or were rejected in an earlier run are submitted (and
                paid) again.

        Raises:
            ConfigurationError: an option cannot be used.
            JournalError: (when entered) the journal is in use, damaged, of another service, or not writable.
        """
        from ._batch.runner import BatchSettings, batch  # noqa: PLC0415

        session, uploads = self._started()
        if concurrency is None:
            concurrency = self._max_in_flight
        whole("concurrency", concurrency)
        if concurrency > self._max_in_flight:
            raise ConfigurationError(
                f"concurrency ({concurrency}) is above the client's max_in_flight ({self._max_in_flight}):"
                " raise that"
            )
        if budget_usd is not None:
            positive("budget_usd", budget_usd, zero=True)
        positive("price_usd", price_usd)
        settings = BatchSettings(
            concurrency=concurrency,
            journal=_journal_of(journal),
            save_to=None if save_to is None else Path(save_to),
            budget_usd=budget_usd,
            price_usd=price_usd,
            retry_failed=retry_failed,
        )
        return batch(session, uploads, requests, settings)

    async def swap_all(
        self,
        requests: Requests,
        *,
        concurrency: int | None = None,
        journal: str | os.PathLike[str] | Journal | None = None,
        save_to: str | os.PathLike[str] | None = None,
        budget_usd: float | None = None,
        price_usd: float = PRICE_USD,
        retry_failed: bool = False,
    ) -> list[SwapOutcome]:
        """As `swap_many`, for requests that fit into memory: the outcomes as a list, in their order."""
        taken = await listed(requests)
        many = self.swap_many(
            taken,
            concurrency=concurrency,
            journal=journal,
            save_to=save_to,
            budget_usd=budget_usd,
            price_usd=price_usd,
            retry_failed=retry_failed,
        )
        async with many as outcomes:
            return await outcomes.in_order(taken)

    async def check(
        self,
        requests: Requests,
        *,
        journal: str | os.PathLike[str] | Journal | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> list[SwapOutcome]:
        """What `swap_many` with the same options would reject, found out before anything is sent.

        Looks at every id (missing, unusable as a file name, given twice), every picture that is a file, every
        output name that is taken, and whether the journal knows the id with other pictures. Reads all files
        but those that are given open, which their swaps read; sends nothing, and writes nothing.

        Returns:
            A rejected outcome, with its error, for each request that cannot be used; empty if all can.

        Raises:
            JournalError: the journal is there, and cannot be read.
        """
        from ._batch.check import check  # noqa: PLC0415

        _, uploads = self._started()
        return await check(
            uploads,
            each(requests),
            journal=_journal_of(journal),
            save_to=None if save_to is None else Path(save_to),
        )

    # The halves of a swap

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
        target = None if save_to is None else OutputFile.named(save_to, overwrite=overwrite)
        with self._told_if_failed(None):
            async with reserved(session, target):
                return await self._finished(session, job, limit, target)

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
        target = OutputFile.named(path, overwrite=overwrite)
        await check_target(target)
        saved = await save(session, result, target)
        assert saved.path is not None  # noqa: S101 - it was saved
        return saved.path

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
            self._emit(Failed(id=id, error=exc))
            raise


def _journal_of(journal: str | os.PathLike[str] | Journal | None) -> Journal | None:
    if not isinstance(journal, str | os.PathLike):
        return journal
    from ._journal.journal import Journal  # noqa: PLC0415

    return Journal(journal)


def _request_of(values: Mapping[str, Any]) -> SwapRequest:
    """A `SwapRequest`, with a mistake in it told as a `ConfigurationError`."""
    try:
        return SwapRequest(**values)
    except ValidationError as exc:
        problem = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
    raise ConfigurationError(f"not a swap request: {problem}")
