"""How many submitted jobs may be open: those whose end the client has not seen."""

from __future__ import annotations

import anyio

from ..._config import MAX_SUBMITTED, TIMEOUT
from ..._errors import LimitExceededError
from ..._models import SwapJob
from .jobs import identity_of


class Places:
    """The places of the jobs that `SwapClient.submit` submits. Belongs to one event loop.

    A place is given back when the client sees the end of its job, when the submit provably brought no job,
    or `timeout` seconds after the submit: a job whose end nobody looks at must not hold its place for ever.
    """

    def __init__(self, maximum: int = MAX_SUBMITTED, *, timeout: float = TIMEOUT) -> None:
        self._maximum = maximum
        self._timeout = timeout
        self._submitting = 0
        # In the order of their deadlines, because the timeout is the same for all.
        self._deadlines: dict[Place, float] = {}
        self._by_job: dict[str, Place] = {}

    @property
    def taken(self) -> int:
        """How many places are taken now."""
        now = anyio.current_time()
        while self._deadlines:
            place, deadline = next(iter(self._deadlines.items()))
            if deadline > now:
                break
            place.free()
        return self._submitting + len(self._deadlines)

    def take(self) -> Place:
        """Takes a place for a submit that begins now.

        Raises:
            LimitExceededError: every place is taken.
        """
        if self.taken >= self._maximum:
            raise LimitExceededError(
                f"{self._maximum:,} submitted jobs are open, as many as `max_submitted` allows;"
                " this swap was not sent, and is not charged. Wait for the open jobs until their ends",
                limit="max_submitted",
                maximum=self._maximum,
            )
        self._submitting += 1
        return Place(self)

    def ended(self, job: str) -> None:
        """Gives back the place of a job, if it has one. `job` is the identity of the job."""
        place = self._by_job.get(job)
        if place is not None:
            place.free()

    def named(self, place: Place, job: str) -> None:
        """Notes the job of a place. A server that names one job twice has one open job, with one place."""
        self.ended(job)
        self._by_job[job] = place

    def keep(self, place: Place) -> None:
        """Ends the submit of a place that keeps its place for the timeout."""
        self._submitting -= 1
        self._deadlines[place] = anyio.current_time() + self._timeout

    def give_back(self, place: Place, job: str | None, *, is_submitting: bool) -> None:
        """Takes a place, and the name of its job, out of the books."""
        self._submitting -= is_submitting
        self._deadlines.pop(place, None)
        if job is not None:
            del self._by_job[job]


class Place:
    """The place of one submit, and its `SubmitRecord`: whether there may be a job decides about the place."""

    is_continued: bool = False

    def __init__(self, places: Places) -> None:
        self._places = places
        self._job: str | None = None
        self._in_doubt = 0
        self._is_posting = False
        self._is_submitting = True
        self._is_free = False

    async def intend(self, in_doubt: int, urls: tuple[str, str]) -> None:
        """Notes that a POST is on its way."""
        self._is_posting = True

    async def resolved(self, job: SwapJob | None, in_doubt: int) -> None:
        """Notes the job, or the doubt. The answer may come after the end of a cancelled submit."""
        self._is_posting = False
        self._in_doubt = in_doubt
        if self._is_free:
            return
        if job is not None and self._job is None:
            self._job = identity_of(job)
            self._places.named(self, self._job)
        if (job is not None and job.poll_url is None) or not (self._is_submitting or self._may_have_job):
            self.free()

    def withdrawn(self, in_doubt: int) -> None:
        """Notes that the POST never left."""
        self._is_posting = False

    def end(self) -> None:
        """Ends the submit: keeps the place for as long as there may be an open job."""
        if not self._may_have_job:
            self.free()
        elif not self._is_free:
            self._places.keep(self)
        self._is_submitting = False

    def free(self) -> None:
        """Gives the place back, once."""
        if not self._is_free:
            self._is_free = True
            self._places.give_back(self, self._job, is_submitting=self._is_submitting)

    @property
    def _may_have_job(self) -> bool:
        return self._job is not None or self._in_doubt > 0 or self._is_posting
