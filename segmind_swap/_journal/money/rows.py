"""The money of the rows of a journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from datetime import datetime

from ..._outcome import OutcomeState
from ..._policy.budget import Spent
from .budget import spent_on


def spent_in_rows(
    connection: sqlite3.Connection,
    price_usd: float,
    states: Collection[OutcomeState],
    *,
    failed_runs_are_free: bool,
    from_version: int,
    posted_since: datetime | None,
) -> Spent:
    """The cost of the rows in these states, from a version on, and how many other POSTs count as paid.

    With `posted_since`, only of the rows whose last POST was claimed since then, with their earlier POSTs.
    """
    settled = unsettled_posts = 0
    rows = connection.execute(
        "SELECT state, posts, failed_runs, closed_posts, json_extract(result, '$.cost_usd')"
        " FROM swaps WHERE version >= ? AND (posts > 0 OR failed_runs > 0 OR closed_posts > 0)"
        " AND (? OR json_extract(posted, '$[#-1].at') >= ?)",
        (from_version, posted_since is None, posted_since and posted_since.timestamp()),
    )
    for name, posts, failed_runs, closed_posts, cost_usd in rows:
        if name not in states:
            continue
        spent = spent_on(
            OutcomeState(name),
            posts=posts,
            failed_runs=failed_runs,
            closed_posts=closed_posts,
            cost_usd=cost_usd,
            price_usd=price_usd,
            failed_runs_are_free=failed_runs_are_free,
        )
        settled += spent.settled_micro_usd
        unsettled_posts += spent.unsettled_posts
    return Spent(settled_micro_usd=settled, unsettled_posts=unsettled_posts)
