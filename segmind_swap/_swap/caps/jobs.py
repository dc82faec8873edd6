"""By what a client knows its jobs again, and how many of them it remembers."""

from __future__ import annotations

from ..._models import SwapJob

JOBS_REMEMBERED = 4096


def identity_of(job: SwapJob) -> str:
    """What distinguishes a job from others: its poll URL. A job that finished at once has none."""
    return job.poll_url or f"{job.request_id} {job.submitted_at.isoformat()}"
