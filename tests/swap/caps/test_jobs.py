"""By what a job is known again."""

from datetime import UTC, datetime

from segmind_swap import SwapJob, SwapOutput
from segmind_swap._swap.caps.jobs import identity_of

from ...support.scripted_service import RESULT, poll_url

NOW = datetime(2026, 11, 30, tzinfo=UTC)
OUTPUTS = (SwapOutput(name="picture", data=RESULT, type="image"),)


def test_a_job_is_known_by_its_poll_url_also_in_another_process() -> None:
    job = SwapJob(poll_url=poll_url(), request_id="1", workflow="w-v1")
    assert identity_of(SwapJob.model_validate_json(job.model_dump_json())) == identity_of(job)
    assert identity_of(job) != identity_of(SwapJob(poll_url=poll_url(2), request_id="1", workflow="w-v1"))


def test_jobs_that_finished_at_once_are_known_by_their_request_ids_and_times() -> None:
    jobs = [
        SwapJob(poll_url=None, request_id=name, workflow="w-v1", submitted_at=at, outputs=OUTPUTS)
        for name in ("1", "2")
        for at in (NOW, NOW.replace(second=1))
    ]
    assert len({identity_of(job) for job in jobs}) == 4
