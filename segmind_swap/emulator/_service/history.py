"""The account's history: its pages and rows, in the shapes that a real one may have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from starlette.responses import Response

from .._contract import Contract, HistoryPage, HistoryTime
from . import responses
from .ledger import Charge, JobState

MAX_DAYS = 31
DEFAULT_DAYS = 7
_DIGITS = 1000
"""Python refuses to parse a number of more than 4,300 digits."""


class BadQuery(ValueError):  # noqa: N818 -- becomes a response, is no mistake
    """A parameter is out of its range. The text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """Which page of which days is asked for. The last day is part of the window."""

    page: int
    per_page: int
    first: date
    last: date

    @classmethod
    def of(cls, query: Mapping[str, str], now: datetime) -> "HistoryQuery":
        """The query of a request. The last seven days if the request names no day.

        Of a window that is too long, only the last 31 days are listed.

        Raises:
            BadQuery: a number is out of range, or a text is no day.
        """
        last = _day(query, "to_date", now.date())
        first = _day(query, "from_date", _days_before(last, DEFAULT_DAYS))
        return cls(
            page=_number(query, "page", 1),
            per_page=_number(query, "per_page", 20, most=100),
            first=max(first, _days_before(last, MAX_DAYS - 1)),
            last=last,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """When each job was accepted on the wall clock, and how the history shows the jobs."""

    contract: Contract
    _accepted: dict[str, datetime] = field(default_factory=dict)

    def add(self, charge: Charge, wall: datetime) -> None:
        """Records that a job was accepted now."""
        self._accepted[charge.request_id] = wall

    def accepted_at(self, charge: Charge) -> datetime:
        """When a job was accepted, on the wall clock."""
        return self._accepted[charge.request_id]

    def shown(self, charges: Sequence[Charge], query: HistoryQuery, now: float) -> list[Charge]:
        """The jobs of the window that are listed by now, the latest first."""
        if not self.contract.lists_history:
            return []
        return [
            charge
            for charge in reversed(charges)
            if now - charge.accepted_at >= self.contract.history_delay
            and query.first <= self.accepted_at(charge).date() <= query.last
        ]

    def of_page(self, charges: Sequence[Charge], query: HistoryQuery) -> Sequence[Charge]:
        """The jobs on one page."""
        size = min(query.per_page, self.contract.history_page_size)
        page = query.page if self.contract.history_pages == "numbered" else 1
        return charges[(page - 1) * size : page * size]

    def page(self, rows: list[dict[str, Any]], query: HistoryQuery, total: int) -> Response:
        """The response with one page."""
        bodies: dict[HistoryPage, Any] = {
            "data": {"data": rows, "page": query.page, "per_page": query.per_page, "total": total},
            "list": rows,
            "requests": {"requests": rows, "success": True},
            "nested": {"data": {"items": rows, "pagination": {"page": query.page, "total_count": total}}},
        }
        return responses.json_response(bodies[self.contract.history_page])

    def row(self, charge: Charge, state: JobState, base_url: str) -> dict[str, Any]:
        """One job, in the shape that the switches say."""
        done = state == "COMPLETED"
        row = _Row(
            charge=charge,
            word=state if state in {"COMPLETED", "FAILED"} else "PENDING",
            picture=f"{base_url}files/{charge.request_id}.png" if done else None,
            poll_url=f"{base_url}{self.contract.poll_path[1:]}/{charge.request_id}",
            cost=0.0 if charge.refunded else charge.price_usd,
            inputs={
                "reference_character_image": charge.reference_character_image,
                "character_image": charge.character_image,
            },
            time=_time(self.accepted_at(charge), self.contract.history_time),
        )
        match self.contract.history_row:
            case "documented":
                return row.documented()
            case "camel":
                return row.camel()
            case "text":
                return row.text()
            case "poll":
                return row.poll()
            case "status-url":
                return row.status_url()
            case "bare":
                return row.bare()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """The facts of one job, and the shapes that a row may have."""

    charge: Charge
    word: str
    picture: str | None
    poll_url: str
    cost: float
    inputs: dict[str, str]
    time: str | int | None

    def documented(self) -> dict[str, Any]:
        return self._dated(
            "model_created",
            {
                "request_id": self.charge.request_id,
                "model_status": self.word,
                "credits_deduction": self.cost,
                "request_body": self.inputs,
                "generation_url": self.picture,
                "error": self.charge.reason,
            },
        )

    def camel(self) -> dict[str, Any]:
        words = {"COMPLETED": "Succeeded", "FAILED": "Error", "PENDING": "In Progress"}
        return self._dated(
            "createdAt",
            {
                "requestId": self.charge.request_id,
                "modelStatus": words[self.word],
                "creditsDeduction": self.cost,
                "requestBody": self.inputs,
                "generationUrl": self.picture,
            },
        )

    def text(self) -> dict[str, Any]:
        return self._dated(
            "created_at",
            {
                "id": self.charge.number,
                "request_id": self.charge.request_id,
                "status": self.word.lower(),
                "request_body": responses.compact(self.inputs),
                "output": responses.compact([self.picture]) if self.picture else "",
            },
        )

    def poll(self) -> dict[str, Any]:
        return self._dated(
            "created_at",
            {
                "id": self.charge.request_id,
                "status": self.word,
                "poll_url": self.poll_url,
                "input": self.inputs,
            },
        )

    def status_url(self) -> dict[str, Any]:
        return self._dated(
            "submitted_at",
            {
                "request_id": self.charge.request_id,
                "status": self.word,
                "status_url": self.poll_url,
                "payload": {"input": self.inputs},
            },
        )

    def bare(self) -> dict[str, Any]:
        return self._dated(
            "timestamp",
            {"_id": {"$oid": self.charge.request_id}, "state": self.word, "parameters": self.inputs},
        )

    def _dated(self, key: str, row: dict[str, Any]) -> dict[str, Any]:
        return row if self.time is None else row | {key: self.time}


def _time(at: datetime, form: HistoryTime) -> str | int | None:
    at = at.astimezone(UTC)
    match form:
        case "iso":
            return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case "space":
            return at.strftime("%Y-%m-%d %H:%M:%S")
        case "epoch-s":
            return int(at.timestamp())
        case "epoch-ms":
            return int(at.timestamp() * 1000)
        case "none":
            return None


def _days_before(day: date, days: int) -> date:
    return date.fromordinal(max(1, day.toordinal() - days))


def _day(query: Mapping[str, str], name: str, default: date) -> date:
    text = query.get(name)
    try:
        return default if text is None else datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise BadQuery(f"{name} must be YYYY-MM-DD") from None


def _number(query: Mapping[str, str], name: str, default: int, *, most: int | None = None) -> int:
    text = query.get(name, str(default))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else 0
    if number < 1 or (most is not None and number > most):
        raise BadQuery(f"{name} is out of range")
    return number
