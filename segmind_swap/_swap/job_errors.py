"""The job in every error about the job, so that a paid swap can always be found again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._errors import SwapError
from .._models import SwapJob


@contextmanager
def errors_of(job: SwapJob) -> Iterator[None]:
    """Adds the job to errors of parts that do not know the job, before the errors leave this package."""
    try:
        yield
    except SwapError as exc:
        if exc.job is None:
            exc.job = job
        raise
