"""When a server says that requests may come again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SHORTEST = 0.5
_LONGEST = 120.0
_DAY = 86_400.0
_MILLISECONDS_FROM = 1e11
"""An epoch this large is in milliseconds: as seconds it would be the year 5138."""


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until the server wants to hear from us again, from 0.5 to 120; None if it gives no hint.

    `x-rate-limit-reset-at-utc` (ISO 8601, `YYYY-MM-DD HH:MM:SS`, epoch seconds or milliseconds: the format is
    not published) and `Retry-After` (seconds or a date) are both obeyed. Moments are compared with the
    answer's own `Date`, so that a wrong clock on this side does not matter; `now` serves where it has none.
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
        # The header's name says UTC.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
