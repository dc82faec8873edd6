"""How long a server asks to wait before the next request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .messages import NoResponse, Response

_SHORTEST = 0.5
_LONGEST = 120.0
_DAY = 86_400.0
_MILLISECONDS_FROM = 1e11
"""A larger number is an epoch in milliseconds: in seconds, it would be the year 5138."""


def repeat_hint(response: Response | NoResponse, now: datetime) -> float:
    """Seconds that a response asks to wait before the same request is repeated; 0.0 if it does not ask."""
    if isinstance(response, NoResponse) or response.ok:
        return 0.0
    return parse_retry_after(response.headers, now) or 0.0


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that the server asks to wait, from 0.5 to 120; None if it does not ask.

    Read from `x-rate-limit-reset-at-utc` (ISO 8601, `YYYY-MM-DD HH:MM:SS`, epoch seconds or milliseconds: the
    format is not published) and from `Retry-After` (seconds or a date, RFC 9110): the longer of the two.
    Times are compared with the response's own `Date`, so that a wrong clock of this machine does not matter.

    Args:
        headers: With lower-case names.
        now: The current time, for a response without a `Date`.
    """
    now = _http_date(headers.get("date", "")) or now
    reset = _delay(headers.get("x-rate-limit-reset-at-utc", ""), now)
    after = _delay(headers.get("retry-after", ""), now)
    delays = [delay for delay in (reset, after) if delay is not None]
    return min(max(_SHORTEST, *delays), _LONGEST) if delays else None


def _delay(text: str, now: datetime) -> float | None:
    text = text.strip()
    if not text or len(text) > 64:
        return None
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):
        number = float(text)
        if number <= _DAY:
            return number
        return (number / 1000 if number >= _MILLISECONDS_FROM else number) - now.timestamp()
    moment = _iso(text) or _http_date(text)
    return None if moment is None else (moment - now).total_seconds()


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(re.sub(r"\s*UTC$", "+00:00", text, flags=re.IGNORECASE))
        # Without a time zone: the header's name says UTC.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
