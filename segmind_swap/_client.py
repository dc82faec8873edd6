"""`SwapClient`: the methods that users call. Each method passes its work to another module."""

from __future__ import annotations

import os
import ssl
import warnings
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from ._api.requests import credits_request
from ._api.responses import read_credits
from ._config import (
    MAX_FAILED,
    MAX_FUTILE,
    MAX_IMAGE_BYTES,
    MAX_IN_FLIGHT,
    MAX_SUBMITTED,
    PRICE_USD,
    TIMEOUT,
    WORKFLOW,
    Auth,
    PollPolicy,
    RateLimit,
    RequestTimeouts,
    RetryPolicy,
)
from ._errors import ConfigurationError
from ._events import EventHandler
from ._models import Credits, ImageInput, Rate, RedoRequest, SwapJob, SwapResult, SwapStatus
from ._outcome import SwapOutcome
from ._protocols.gate import Gate, RateKeeper
from ._protocols.ledger import AmendableSource, LedgerSource
from ._swap.caps.spending import Spending
from ._swap.downloads import read, save
from ._swap.free_calls import request_until_answered
from ._swap.job_errors import errors_of
from ._swap.one_swap import complete, request_of, submit_only, wait_only
from ._swap.output_files import OutputFile, check_target
from ._swap.polling import Updates, poll_once
from ._swap.session import Session
from ._swap.settings import ClientSettings
from ._swap.uploads import Uploads

# Methods import the modules that only a batch needs: a program without a batch does not load these modules.
if TYPE_CHECKING:
    import httpx

    from ._batch.checks.findings import InputCheck
    from ._batch.inputs import Requests
    from ._batch.outcomes import Outcomes
    from ._batch.reconcile.report import Reconciliation
    from ._batch.versions.redo import RedoPlan
    from ._journal.journal import Journal


class SwapClient:
    """An asynchronous client of Segmind's AI Character Swap, for asyncio and trio.

    Use `async with SwapClient() as client:`, or call `await client.aclose()` at the end. A client belongs to
    the event loop of its first call, and serves any number of tasks of that loop.

    Args:
        api_key: The account's key; None for the environment's `SEGMIND_API_KEY`.
        base_url: The address of the API; None for the environment's `SEGMIND_BASE_URL`, else Segmind's own.
            Every call goes to this address, and only this address then gets the key.
        workflow: The id of the published workflow.
        auth: `"bearer"` or `"x-api-key"`, the header that carries the key. `"auto"` tries both until the
            service accepts one of them, because Segmind's documents disagree.
        max_in_flight: How many swaps may be in flight at once. Further swaps wait in the client, unpaid.
        rate_limit: The account's rate limit, as far as known. Or a gate, which several clients can share.
        retry: When to repeat a request. `RetryPolicy(submit="strict")` never repeats a POST that may have
            been accepted.
        polling: When to poll a job.
        timeout: Seconds that a swap may take, from its acceptance until it is done. Saving the picture and
            waiting for a free slot are not counted. A call also fails if 429s last longer than this timeout.
        request_timeouts: How long one HTTP request may take.
        proxy: The URL of a proxy; None for the environment's proxy, except for a service on this machine.
        verify: An `ssl.SSLContext` for TLS connections, or False to accept any certificate.
        transport: An `httpx.AsyncBaseTransport` that replaces the network. The client closes it.
        fast: Whether to use the extra `fast`, if it is installed. `SEGMIND_FAST=0` turns it off, too.
        allow_http: Whether a `base_url` and pictures outside this machine may be `http://`.
        max_image_bytes: The largest input image, in bytes.
        budget_usd: How many USD all POSTs of this client may cost at most, as long as it lives: those of
            `swap`, `submit`, batches, redos and a service. Every POST that may have been accepted counts, and
            every failed run. None for no limit.
        price_usd: The assumed cost of one swap in USD, until the service reports a higher cost.
        max_submitted: How many jobs of `submit` may be open. A job is open until this client sees its end, at
            most for `timeout` seconds.
        on_event: A function that gets each event, or a sequence of such functions. A function must not
            block. An exception of a function is logged, and the other functions still get the event.

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
        rate_limit: RateLimit | Gate = RateLimit(),  # noqa: B008 - frozen
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        polling: PollPolicy = PollPolicy(),  # noqa: B008 - frozen
        timeout: float = TIMEOUT,
        request_timeouts: RequestTimeouts = RequestTimeouts(),  # noqa: B008 - frozen
        proxy: str | None = None,
        verify: bool | ssl.SSLContext = True,
        transport: httpx.AsyncBaseTransport | None = None,
        fast: bool = True,
        allow_http: bool = False,
        max_image_bytes: int = MAX_IMAGE_BYTES,
        budget_usd: float | None = None,
        price_usd: float = PRICE_USD,
        max_submitted: int = MAX_SUBMITTED,
        on_event: EventHandler | Sequence[EventHandler] | None = None,
    ) -> None:
        self._session: Session | None = None
        self._uploads: Uploads | None = None
        self._spending: Spending | None = None
        self._closed = False
        self._settings = ClientSettings.of(
            api_key=api_key,
            base_url=base_url,
            workflow=workflow,
            auth=auth,
            max_in_flight=max_in_flight,
            rate_limit=rate_limit,
            retry=retry,
            polling=polling,
            timeout=timeout,
            request_timeouts=request_timeouts,
            proxy=proxy,
            verify=verify,
            transport=transport,
            fast=fast,
            allow_http=allow_http,
            max_image_bytes=max_image_bytes,
            budget_usd=budget_usd,
            price_usd=price_usd,
            max_submitted=max_submitted,
            on_event=on_event,
        )

    def __repr__(self) -> str:
        return f"<SwapClient of {self._settings.http.service.base_url}, workflow {self._settings.workflow}>"

    def __reduce__(self) -> str:
        raise TypeError("a SwapClient cannot be pickled: it holds the key, and belongs to one event loop")

    def __del__(self) -> None:
        if getattr(self, "_session", None) is not None:
            warnings.warn(
                f"{self!r} was never closed: use `async with SwapClient() as client:` or call `aclose()`",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    @property
    def rate(self) -> Rate:
        """What the client believes of the account's rate limit now. Sends nothing.

        A later client can start from it: `RateLimit(start_at=client.rate.per_minute)`. A `rate_limit` that is
        a gate of the user's may keep no belief.

        Raises:
            ConfigurationError: the client was closed, or was started on another event loop.
        """
        gate = self._started()[0].http.gate
        return gate.rate() if isinstance(gate, RateKeeper) else Rate(count_polls=gate.counts_polls)

    @property
    def committed_usd(self) -> float:
        """What the POSTs of this client have cost, or may cost, in USD. Sends nothing.

        The sum of what `budget_usd` bounds, with or without such a bound: finished swaps at their cost, and
        each other POST that was not provably refused at the price, also POSTs in progress. A closed client
        keeps the sum.
        """
        return 0.0 if self._spending is None else self._spending.committed_usd

    async def __aenter__(self) -> Self:
        self._started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the client. A POST in flight has up to 15 s to receive and record its response.

        Raises:
            ConfigurationError: the client was started on another event loop.
        """
        self._closed = True
        session = self._session
        if session is None:
            return
        session.check_loop()
        try:
            await session.aclose()
        finally:
            self._session = self._uploads = None

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
        """Swaps a character: submits the job, and waits until it is done. Charged when the job is accepted.

        Local images are uploaded first, which is free. A call that is cancelled before the POST submits
        nothing. After a later cancellation, an accepted job continues, and a log warning names the job.

        Args:
            reference_character_image: The reference, the picture of who goes in: a path, bytes, an open
                binary file, a PIL image, or an http(s) URL that the service can reach. JPEG, PNG or WebP.
            character_image: The scene, the picture whose character is replaced; the same types.
            id: The caller's name for the swap, for events. It is not sent.
            save_to: The file to save the picture to. A name without the suffix of a picture gets that of its
                type. Another type than the suffix says is logged. A name in use is refused before paying. A
                file that is no whole JPEG, PNG or WebP is fetched again, and saved if it stays the same.
            overwrite: Whether `save_to` may replace a file.
            timeout: Seconds that the swap may take from its acceptance; None for the client's `timeout`.

        Returns:
            The finished swap, with the `path` of the file if the picture was saved.

        Raises:
            ConfigurationError: a setting or `save_to` cannot be used, or the client was closed.
            ImageError, ConnectionFailedError: an image, or the service, cannot be used. Nothing is charged.
            ResponseError: the response to an upload cannot be read. Nothing is charged.
            BudgetExceededError: the client's `budget_usd` has no room. Nothing was sent.
            StatusError: the submit was refused, and nothing is charged. With a `job`, the job is charged, and
                its polls are refused (AuthenticationError, PermissionDeniedError).
            SubmissionUnknownError: the submit may have been accepted and charged.
            SwapFailedError: the service reports that the swap failed. Whether it charges is not published.
            SwapTimeoutError: the job was not done in time. It is charged; `wait` for the error's `job` again.
            SwapExpiredError: the service no longer knows the job, which was charged.
            OutputError: the job is done and charged, but no picture was found in its output.
            DownloadError: the job is done and charged, but the picture was not saved; its `url` still works.
        """
        session, uploads = self._started()
        request = request_of(
            id=id, reference_character_image=reference_character_image, character_image=character_image
        )
        seconds = self._settings.timeout_of(timeout)
        file = None if save_to is None else OutputFile.named(save_to, overwrite=overwrite)
        return await complete(session, uploads, request, timeout=seconds, file=file)

    async def submit(
        self,
        *,
        reference_character_image: ImageInput,
        character_image: ImageInput,
        id: str | None = None,
    ) -> SwapJob:
        """Submits a swap, and returns as soon as the job is accepted. Charged when the job is accepted.

        Keep the job's JSON: `wait` accepts the job in any process. A submit takes no slot of `max_in_flight`.
        The job takes a place of `max_submitted`, until `status`, `updates` or `wait` of this client sees its
        end, or until the client's `timeout` has passed. A submit in doubt keeps its place for the `timeout`.

        Raises:
            LimitExceededError: `max_submitted` jobs are open. Nothing was uploaded or sent.
            BudgetExceededError: the client's `budget_usd` has no room. Nothing was sent.
            ConfigurationError, ImageError, ConnectionFailedError, ResponseError, StatusError: nothing was
                accepted, nothing is charged.
            SubmissionUnknownError: the submit may have been accepted and charged.
        """
        session, uploads = self._started()
        request = request_of(
            id=id, reference_character_image=reference_character_image, character_image=character_image
        )
        return await submit_only(session, uploads, request)

    async def status(self, job: SwapJob) -> SwapStatus:
        """Polls a job once. Free.

        Raises:
            StatusError, ConnectionFailedError, ResponseError: the poll did not succeed; the job may be well.
            OutputError: the job is COMPLETED, but no picture was found in its output.
            ConfigurationError: the job belongs to another service than this client's.
        """
        session, _ = self._started()
        return await poll_once(session, job, swap=session.swap_of(job))

    def updates(self, job: SwapJob) -> AsyncIterator[SwapStatus]:
        """Iterates over the states of a job, one for each poll, until the state is final. Free; no deadline.

        A poll that does not succeed is repeated. Raises the errors of `wait`, except `SwapFailedError` and
        `SwapTimeoutError`: a job that failed yields FAILED as the last value.
        """
        session, _ = self._started()
        return Updates(session, job, swap=session.swap_of(job))

    async def wait(
        self,
        job: SwapJob,
        *,
        timeout: float | None = None,
        save_to: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
    ) -> SwapResult:
        """Waits until a job is done. Free, and may be repeated, in this process or in another.

        A failed poll never fails the job: the client polls again until the time is up.

        Args:
            job: The job that `submit` returned, that an error carries, or that was read from JSON.
            timeout: Seconds to wait from now; None for the client's `timeout`.
            save_to: The file to save the picture to, as in `swap`; checked before the first poll.
            overwrite: Whether `save_to` may replace a file.

        Raises:
            SwapFailedError, SwapTimeoutError, SwapExpiredError, OutputError, DownloadError: see `swap`.
            AuthenticationError, PermissionDeniedError: this key may not poll; the job may be well.
            ConfigurationError: the job belongs to another service than this client's, `save_to` cannot be
                used, or the client was closed.
        """
        session, _ = self._started()
        seconds = self._settings.timeout_of(timeout)
        file = None if save_to is None else OutputFile.named(save_to, overwrite=overwrite)
        return await wait_only(session, job, timeout=seconds, file=file)

    def swap_many(
        self,
        requests: Requests,
        *,
        concurrency: int | None = None,
        journal: str | os.PathLike[str] | LedgerSource | None = None,
        save_to: str | os.PathLike[str] | None = None,
        budget_usd: float | None = None,
        price_usd: float = PRICE_USD,
        failed_runs_are_free: bool = False,
        retry_failed: bool = False,
        once_per_picture: bool = False,
        max_futile: int | None = MAX_FUTILE,
        max_failed: int | None = MAX_FAILED,
    ) -> AbstractAsyncContextManager[Outcomes]:
        """Makes many swaps: `async with client.swap_many(…) as outcomes: async for outcome in outcomes: …`.

        Each swap is charged when the service accepts its job. A failed swap is an outcome, and does not end
        the other swaps. With a journal, a batch that was killed at any moment continues when it is run again:
        finished swaps are returned from the journal, accepted jobs are waited for, and a swap in doubt is
        never sent again automatically.

        A refusal that concerns the account (credits, key, permission, workflow), a used-up budget, or too
        many swaps in a row without a picture stop further submits. Swaps in flight finish, and
        `outcomes.stopped_by` is the error. The batch waits while the service does not answer.

        Args:
            requests: The swaps: any iterable or async iterable, read as slots become free.
            concurrency: How many swaps may be in flight at once; at most, and by default, the client's
                `max_in_flight`.
            journal: The file that records each swap before it is paid, as a path or a `Journal`; or a ledger
                source, an object that opens another ledger. Each request then needs a unique `id`.
            save_to: The folder for the pictures, as `<id>.png`, `.jpg` or `.webp`; created if missing.
            budget_usd: How many USD the batch may cost at most, including earlier runs of its journal. Every
                POST that may have been accepted counts, and every failed run.
            price_usd: The assumed cost of one swap in USD, until the service reports a higher cost.
            failed_runs_are_free: Whether failed runs cost nothing. Segmind publishes nothing about that.
            retry_failed: Whether swaps that failed or were rejected in an earlier run are submitted, and
                charged, again.
            once_per_picture: Whether swaps of which both pictures have the same content, or the same URL, are
                charged once. The others wait, and get a copy of the result under their own ids. They stay
                PENDING, with an `OriginalNotDoneError`, if that swap brings no result. Swaps of the journal
                count, too.
            max_futile: After how many swaps in a row of this run that may be charged and brought no picture
                (unknown, unreadable, expired, timed out, not saved) to stop; None for no limit.
            max_failed: After how many failed swaps in a row of this run to stop; None for no limit.

        Raises:
            ConfigurationError: an option cannot be used; on entering the block, `save_to` cannot be created.
            JournalError: on entering the block, the journal cannot be used, or is of another service.
        """
        from ._batch.runner import BatchOptions, run_batch  # noqa: PLC0415
        from ._journal.money.budget_only import BudgetOnly  # noqa: PLC0415

        session, uploads = self._started()
        source = BudgetOnly() if journal is None else _source_of(journal)
        options = BatchOptions(
            concurrency=self._settings.concurrency_of(concurrency),
            save_to=None if save_to is None else Path(save_to),
            budget_usd=budget_usd,
            price_usd=price_usd,
            failed_runs_are_free=failed_runs_are_free,
            retry_failed=retry_failed,
            once_per_picture=once_per_picture,
            max_futile=max_futile,
            max_failed=max_failed,
        )
        return run_batch(session, uploads, requests, options, source)

    async def swap_all(
        self,
        requests: Requests,
        *,
        concurrency: int | None = None,
        journal: str | os.PathLike[str] | LedgerSource | None = None,
        save_to: str | os.PathLike[str] | None = None,
        budget_usd: float | None = None,
        price_usd: float = PRICE_USD,
        failed_runs_are_free: bool = False,
        retry_failed: bool = False,
        once_per_picture: bool = False,
        max_futile: int | None = MAX_FUTILE,
        max_failed: int | None = MAX_FAILED,
    ) -> list[SwapOutcome]:
        """As `swap_many`, with the same errors, but returns all outcomes, in the order of the requests."""
        from ._batch.inputs import listed  # noqa: PLC0415

        all_requests = await listed(requests)
        batch = self.swap_many(
            all_requests,
            concurrency=concurrency,
            journal=journal,
            save_to=save_to,
            budget_usd=budget_usd,
            price_usd=price_usd,
            failed_runs_are_free=failed_runs_are_free,
            retry_failed=retry_failed,
            once_per_picture=once_per_picture,
            max_futile=max_futile,
            max_failed=max_failed,
        )
        async with batch as outcomes:
            return await outcomes.in_order(all_requests)

    def redo(
        self,
        swaps: Iterable[str | RedoRequest],
        *,
        journal: str | os.PathLike[str] | LedgerSource,
        reference_character_image: ImageInput | None = None,
        save_to: str | os.PathLike[str] | None = None,
        concurrency: int | None = None,
        budget_usd: float | None = None,
        price_usd: float = PRICE_USD,
        failed_runs_are_free: bool = False,
        max_futile: int | None = MAX_FUTILE,
        max_failed: int | None = MAX_FAILED,
    ) -> AbstractAsyncContextManager[Outcomes]:
        """Makes another version of swaps that are done, and pays for each again: used as `swap_many`.

        All new versions are recorded in the journal in one step, before the first of them is submitted. The
        same redo, when it is run again, finishes these versions and begins none: it names the version that it
        makes again. A version that failed or is in doubt is never submitted again automatically.

        `save_to` always has the picture of the current version, the latest that is done. The file of the
        version before is kept as `versions/<id>.<version>.png`. The budget counts all versions.

        Args:
            swaps: The swaps. An id alone stands for `RedoRequest(id=id)`: its first version is made again.
            journal: The journal of the batch, as in `swap_many`.
            reference_character_image: The reference of the new versions; None for the same reference as
                before. The pictures of the journal are read again: relative paths count from the working
                directory, and pictures that were given as bytes must be given again, in a `RedoRequest`.
            save_to: The folder for the pictures: that of the batch.
            concurrency: How many swaps may be in flight at once, as in `swap_many`.
            budget_usd: How many USD all versions of all swaps of the journal may cost at most.
            price_usd: The assumed cost of one swap in USD.
            failed_runs_are_free: Whether failed runs cost nothing.
            max_futile: As in `swap_many`.
            max_failed: As in `swap_many`.

        Raises:
            ConfigurationError: an option cannot be used. On entering the block: a swap cannot be redone,
                because it is not done, a picture is missing, or its own picture is not saved yet or is in
                another folder than `save_to`; no version was begun.
            JournalError: on entering the block, the journal cannot be used, or is of another service.
        """
        from ._batch.runner import BatchOptions, run_batch  # noqa: PLC0415
        from ._batch.versions.redo import Redo  # noqa: PLC0415

        session, uploads = self._started()
        options = BatchOptions(
            concurrency=self._settings.concurrency_of(concurrency),
            save_to=None if save_to is None else Path(save_to),
            budget_usd=budget_usd,
            price_usd=price_usd,
            failed_runs_are_free=failed_runs_are_free,
            max_futile=max_futile,
            max_failed=max_failed,
        )
        redo = Redo(swaps, reference_character_image, save_to=options.save_to)
        return run_batch(session, uploads, redo, options, _source_of(journal))

    async def check_redo(
        self,
        swaps: Iterable[str | RedoRequest],
        *,
        journal: str | os.PathLike[str] | LedgerSource,
        reference_character_image: ImageInput | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> RedoPlan:
        """What `redo` with the same arguments would do, and what it would refuse. Sends and writes nothing.

        Raises:
            ConfigurationError: an element of `swaps` cannot be used.
            ImageError: the `reference_character_image` cannot be used.
            JournalError: there is no such journal, or the journal cannot be read, or is of another service.
        """
        from ._batch.versions.redo import Redo, plan_of  # noqa: PLC0415

        session, uploads = self._started()
        folder = None if save_to is None else Path(save_to)
        redo = Redo(swaps, reference_character_image, save_to=folder)
        origin, workflow = str(session.http.service.origin), session.workflow
        return await plan_of(redo, _source_of(journal), uploads, origin=origin, workflow=workflow)

    async def check(
        self,
        requests: Requests,
        *,
        journal: str | os.PathLike[str] | LedgerSource | None = None,
        save_to: str | os.PathLike[str] | None = None,
    ) -> InputCheck:
        """Finds the requests that `swap_many` with the same options would reject. Sends and writes nothing.

        Checks ids (missing, unusable as a file name, given twice), images, output files that exist already,
        and whether the journal has other images for an id. Open files are not read: only their swaps may.
        With the extra `review`, the images of swaps that would be submitted are also decoded, each once: a
        damaged image is found, and there are hints about images of one colour, and copies. A few images are
        decoded at a time, in threads. That takes some 5 to 50 ms an image.

        Returns:
            A list of a rejected outcome, with its error, for each request that cannot be used; empty if all
            can. Its attributes have hints about the other requests.

        Raises:
            JournalError: the journal exists, and cannot be read.
        """
        from ._batch.check import check  # noqa: PLC0415
        from ._batch.inputs import each  # noqa: PLC0415
        from ._review.checks.measurer import can_measure  # noqa: PLC0415

        _, uploads = self._started()
        source = None if journal is None else _source_of(journal)
        folder = None if save_to is None else Path(save_to)
        looks = None
        if can_measure():
            from ._review.checks.inputs import InputLooks  # noqa: PLC0415

            looks = InputLooks()
        return await check(uploads, each(requests), source=source, save_to=folder, looks=looks)

    async def reconcile(
        self,
        journal: str | os.PathLike[str] | AmendableSource,
        *,
        apply: bool = False,
        resubmit_missing: int | None = None,
        chosen: Mapping[str, str] | None = None,
    ) -> Reconciliation:
        """Looks for the unknown swaps of a journal in the account's history. Free; a dry run by default.

        A swap is known again by its two input URLs and the minute of its POST. A request that is certainly
        the swap's becomes the swap's job: the next run waits for this job, and nothing is paid again. All
        other swaps stay unknown, with what is known of each. No batch can use the journal meanwhile.

        Args:
            journal: The journal of a batch, as a path or a `Journal`; or a ledger source that can be amended.
            apply: Whether the jobs that were found are written to the journal. Else nothing is changed.
            resubmit_missing: How many swaps shall be submitted, and paid, again by the next run, because the
                history does not list them: `may_resubmit` of an earlier result. Only swaps without
                `missing_proof` are; another number changes nothing, and is an error. Needs `apply`.
            chosen: A person's choice among the `request_ids` of an earlier result, by the id of the swap:
                the chosen request becomes the job of a swap that is several or unclear.

        Raises:
            ConfigurationError: `resubmit_missing` is not the number of swaps that may be submitted again, or
                a request in `chosen` cannot be that of its swap. Nothing was changed.
            JournalError: there is no such journal; it is in use, or of another service or workflow.
            StatusError, ConnectionFailedError, ResponseError: the history cannot be read.
        """
        from ._batch.reconcile.runner import reconcile  # noqa: PLC0415

        session, _ = self._started()
        source = _journal_of(journal)
        return await reconcile(session, source, apply=apply, resubmit_missing=resubmit_missing, chosen=chosen)

    async def upload(self, image: ImageInput) -> str:
        """Uploads an image, and returns its URL. Free. An image that is a URL is returned unchanged.

        The same content is uploaded once an hour at most, however often the caller uploads it.

        Raises:
            ImageError: the image cannot be used.
            StatusError, ConnectionFailedError, ResponseError: the upload did not succeed.
        """
        _, uploads = self._started()
        async with uploads.loaded(image) as (loaded,):
            return await uploads.url_of(loaded, swap=None)

    async def read(self, result: SwapResult) -> bytes:
        """The bytes of the finished picture, at most 64 MiB, as `swap` saves it. Free; without the key.

        Raises:
            DownloadError: the picture could not be fetched, or is empty.
        """
        session, _ = self._started()
        with errors_of(result.job):
            return (await read(session, result, swap=session.swap_of(result.job))).data

    async def download(
        self, result: SwapResult, path: str | os.PathLike[str], *, overwrite: bool = False
    ) -> Path:
        """Saves the finished picture, and returns the path of the file. Free; sent without the key.

        The file appears complete or not at all. Names, and files that are no whole picture: as in `swap`.

        Raises:
            ConfigurationError: the file exists (without `overwrite`), or cannot be written.
            DownloadError: the picture could not be fetched or saved, or is empty.
        """
        session, _ = self._started()
        file = OutputFile.named(path, overwrite=overwrite)
        await check_target(file)
        with errors_of(result.job):
            return (await save(session, result, file, swap=session.swap_of(result.job))).path or file.path

    async def credits(self) -> Credits:
        """The credits of the account, in USD. Free, and the documented way to check a key.

        Raises:
            AuthenticationError: the key is wrong.
            StatusError, ConnectionFailedError, ResponseError: the call did not succeed.
        """
        session, _ = self._started()
        return read_credits(await request_until_answered(session, credits_request(session.http.service)))

    def _started(self) -> tuple[Session, Uploads]:
        """The session and its uploads, which the first call makes: only then is the event loop known."""
        if self._closed:
            raise ConfigurationError("the client was closed: make a new one")
        if self._session is None or self._uploads is None:
            self._session = Session.start(self._settings)
            self._spending = self._session.spending
            self._uploads = Uploads(self._session)
        self._session.check_loop()
        return self._session, self._uploads


_Source = TypeVar("_Source")


def _source_of(journal: str | os.PathLike[str] | LedgerSource) -> LedgerSource:
    return journal if not isinstance(journal, str | os.PathLike) else _journal_of(journal)


def _journal_of(journal: str | os.PathLike[str] | _Source) -> Journal | _Source:
    if not isinstance(journal, str | os.PathLike):
        return journal
    from ._journal.journal import Journal  # noqa: PLC0415

    return Journal(journal)
