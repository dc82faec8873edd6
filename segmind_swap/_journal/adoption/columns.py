"""The columns `posted` and `past_jobs` of a row: where a POST went, and which jobs the row had before.

`posted` is a JSON list with one object for each POST of the current attempt. `past_jobs` has one line of JSON
for each job that is no longer the job of the row: such a job must never be taken for the job of another row.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from ..._models import SwapJob
from ..._protocols.entry import Post

ADD_POST = (
    "posted = CASE WHEN :post IS NULL THEN posted WHEN :posts = 1 THEN json_array(json(:post))"
    " ELSE json_insert(posted, '$[#]', json(:post)) END"
)
"""SQL: appends the POST of a claim. The first POST in doubt replaces the POSTs that were refused before."""

KEEP_REPLACED_JOB = "past_jobs = past_jobs || CASE WHEN job <> :job THEN job || char(10) ELSE '' END"
"""SQL: keeps the job of the row before another job replaces it. A comparison with NULL is not true."""

KEEP_ENDED_JOB = (
    "past_jobs = past_jobs || CASE WHEN {has_ended} AND job IS NOT NULL THEN job || char(10) ELSE '' END"
)
"""SQL: keeps the job of an attempt that has ended, when a new attempt begins. To be formatted."""


def post_json(post: Post) -> str:
    """A POST as an element of `posted`."""
    return json.dumps(
        {
            "at": post.at.timestamp(),
            "reference": post.reference_url,
            "scene": post.scene_url,
            "key": post.key_tag,
        }
    )


def posts_of(posted: str) -> tuple[Post, ...]:
    """The POSTs in the column `posted`.

    Raises:
        ValueError: the text was not written by `post_json`.
    """
    try:
        return tuple(
            Post(
                at=datetime.fromtimestamp(fields["at"], UTC),
                reference_url=str(fields["reference"]),
                scene_url=str(fields["scene"]),
                key_tag=str(fields["key"]),
            )
            for fields in json.loads(posted)
        )
    except (ArithmeticError, KeyError, OSError, TypeError) as exc:
        raise ValueError(f"a POST has a damaged field: {exc}") from None


def past_jobs_of(lines: str) -> tuple[SwapJob, ...]:
    """The jobs in the column `past_jobs`.

    Raises:
        ValueError: a line was not written by this package.
    """
    # Not `splitlines`: a text inside the JSON may have other line separators.
    return tuple(SwapJob.model_validate_json(line) for line in lines.split("\n") if line)
