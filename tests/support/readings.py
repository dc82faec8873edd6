"""What is understood of an answer, reduced to what matters."""

import json
from dataclasses import dataclass

from segmind_swap._api.messages import Response
from segmind_swap._api.origins import Service
from segmind_swap._api.outputs import picture_in
from segmind_swap._api.responses import accepted_job, read_status
from segmind_swap._config import WORKFLOW
from segmind_swap._models import SwapState

from .journal_rows import a_job

JOB = a_job()
SEGMIND = Service("https://api.segmind.com")
LOCAL = Service("http://127.0.0.1:8000/")
BEHIND_A_PATH = Service("https://proxy.example/segmind/")


@dataclass(frozen=True)
class Job:
    poll_url: str | None
    request_id: str | None = None
    picture: str | None = None
    may_be_polled: bool = True


@dataclass(frozen=True)
class Unusable:
    """A 2xx to a submit that tells of no job."""


@dataclass(frozen=True)
class Poll:
    state: SwapState
    raw: str
    picture: str | None = None
    reason: str = ""


ID = "5b1f0c2d9e8a47463b21c0ffee001122"
URL = f"https://api.segmind.com/workflows/request/{ID}"
IMAGES = "https://images.segmind.com/generations"


def answer(
    body: object = None,
    code: int = 200,
    *,
    text: str | bytes | None = None,
    request_id: str | None = None,
    cost: str | None = None,
) -> Response:
    text = json.dumps(body) if text is None else text
    headers = {"x-request-id": request_id, "x-cost": cost}
    return Response(
        status_code=code,
        headers={name: value for name, value in headers.items() if value is not None},
        body=text.encode() if isinstance(text, str) else text,
    )


def job_of(reply: Response, service: Service = SEGMIND) -> Job | Unusable:
    job = accepted_job(service, reply, workflow=WORKFLOW, possible_duplicates=0)
    if job is None:
        return Unusable()
    complaint = None if job.poll_url is None else service.poll_url_problem(job.poll_url)
    return Job(job.poll_url, job.request_id, picture_in(job.outputs), complaint is None)


def poll_of(reply: Response) -> Poll:
    status = read_status(reply, JOB)
    return Poll(status.state, status.raw, picture_in(status.outputs), status.reason)
