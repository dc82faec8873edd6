"""Adds the job to every error about the job, so that a paid swap can always be found again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .._errors import SwapError
from .._models import SwapJob


@contextmanager
def errors_of(job: SwapJob) -> Iterator[None]:
    """Adds the job to an error that has no job. Errors of lower layers have no job."""
    try:
        yield
    except SwapError as exc:
        if exc.job is None:
            exc.job = job
        raise
