"""The JSON of the controls over HTTP: state, ledger, jobs, calls, faults and clock."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

from .._faults.description import describe_calls
from .._faults.fault import Fault
from .._faults.rules import PlacedFault
from .._service.ledger import Charge
from .._service.outputs import hosted_file_name
from .controls import Account, Controls
from .totals import Totals
from .traffic import Exchange, excerpt, masked_headers, masked_text

PICTURES = "/_emulator/pictures/"

_URL_SHOWN = 300


def state(
    controls: Controls, totals: Totals, *, settings: dict[str, Any], jobs: int, calls: int
) -> dict[str, Any]:
    """The whole state: the account, the faults, the newest jobs and the newest requests."""
    account, now = controls.account, controls.clock.now()
    charges = account.ledger.charges()
    totals.update(charges)
    polls = _polls(account)
    return {
        **settings,
        "account": account.id,
        "clock": clock(controls),
        "credits_usd": account.ledger.credits_usd,
        "price_usd": account.ledger.price_usd,
        "rate_limit": rate_limit(account, now),
        "totals": totals.summary(),
        "counts": dict(account.calls.counts()),
        "requests": account.traffic.count,
        "faults": [fault(placed) for placed in controls.rules.in_force()],
        "jobs": [job(charge, account, totals, now=now, polls=polls) for charge in reversed(charges[-jobs:])],
        "calls": [
            call(exchange, account, now=now) for exchange in islice(account.traffic.newest_first(), calls)
        ],
    }


def clock(controls: Controls) -> dict[str, Any]:
    """Whether the clock is paused, and its time in seconds."""
    return {"paused": controls.clock.paused, "now": controls.clock.now()}


def rate_limit(account: Account, now: float) -> dict[str, Any] | None:
    """The rate limit and its use in the current window; None if there is no limit."""
    limit = account.rate_limit.requests_per_minute
    if limit is None:
        return None
    used, resets_in = account.rate_limit.usage(now)
    return {
        "requests_per_minute": limit,
        "used": used,
        "resets_in": resets_in,
        "count_polls": account.api.contract.count_polls,
    }


def ledger(controls: Controls, totals: Totals, *, before: int | None, limit: int) -> dict[str, Any]:
    """The jobs below the number ``before``, newest first. ``next`` is the ``before`` of the next page."""
    account, now = controls.account, controls.clock.now()
    charges = account.ledger.charges()
    totals.update(charges)
    end = len(charges) if before is None else min(before - 1, len(charges))
    start = max(0, end - limit)
    polls = _polls(account)
    return {
        "totals": totals.summary(),
        "jobs": [
            job(charge, account, totals, now=now, polls=polls) for charge in reversed(charges[start:end])
        ],
        "next": start + 1 if start else None,
    }


def job_in_full(number: int, controls: Controls, totals: Totals) -> dict[str, Any] | None:
    """A job with its requests and their responses, oldest first. None if there is no job of this number."""
    account, now = controls.account, controls.clock.now()
    charges = account.ledger.charges()
    if not 1 <= number <= len(charges):
        return None
    totals.update(charges)
    charge = charges[number - 1]
    words = [charge.request_id.encode()]
    names = (hosted_file_name(charge.reference_character_image), hosted_file_name(charge.character_image))
    uploads = [name.encode() for name in names if name]
    exchanges = [
        exchange
        for exchange in account.traffic.newest_first()
        if exchange.mentions(words) or (_is_upload(exchange) and exchange.mentions(uploads))
    ]
    return {
        "job": job(charge, account, totals, now=now, polls=_polls(account)),
        "calls": [call_in_full(exchange, account, now=now) for exchange in reversed(exchanges)],
    }


def job(
    charge: Charge, account: Account, totals: Totals, *, now: float, polls: Counter[str]
) -> dict[str, Any]:
    """One job. Its ``state`` is DUE if its time is up and no poll has stored its outcome yet."""
    made = account.ledger.find_with_output(charge.request_id, now) is not None
    seconds = account.ledger.job_time
    age = now - charge.accepted_at
    return {
        "number": charge.number,
        "request_id": charge.request_id,
        "state": account.ledger.state(charge, now) or "DUE",
        "age": age,
        "seconds": seconds,
        "progress": min(1.0, age / seconds) if seconds else 1.0,
        "reference": _picture(charge.reference_character_image, account),
        "scene": _picture(charge.character_image, account),
        "result": f"{PICTURES}{charge.request_id}.png" if made else None,
        "price_usd": charge.price_usd,
        "refunded": charge.refunded,
        "billed_before": totals.billed_before(charge),
        "lost_before": totals.lost_before(charge),
        "fault": charge.fault,
        "reason": charge.reason,
        "polls": polls[charge.request_id],
    }


def call(exchange: Exchange, account: Account, *, now: float) -> dict[str, Any]:
    """One request, without headers and bodies."""
    return {
        "serial": exchange.serial,
        "kind": exchange.call.kind if exchange.call else None,
        "number": exchange.call.number if exchange.call else None,
        "method": exchange.method,
        "path": masked_text(exchange.path.encode(), exchange.headers)[:_URL_SHOWN],
        "ago": now - exchange.at,
        "ending": exchange.ending,
        "status": exchange.status,
        "fault": exchange.fault,
        "job": _job_of(exchange, account),
    }


def call_in_full(exchange: Exchange, account: Account, *, now: float) -> dict[str, Any]:
    """One request and its response. Keys are masked, and long texts are shortened."""
    answered = exchange.answered_at
    return {
        **call(exchange, account, now=now),
        "took": None if answered is None else answered - exchange.at,
        "request": {
            "headers": masked_headers(exchange.headers),
            "body": masked_text(exchange.body, exchange.headers),
            "size_bytes": exchange.size_bytes,
        },
        "answer": None
        if exchange.status is None
        else {
            "headers": masked_headers(exchange.answer_headers),
            "body": masked_text(exchange.answer_body, exchange.headers),
            "size_bytes": exchange.answer_size_bytes,
        },
    }


def calls(
    account: Account, *, now: float, kind: str | None, before: int | None, limit: int
) -> dict[str, Any]:
    """The requests below the serial number ``before``, newest first, with their responses."""
    found: Iterable[Exchange] = account.traffic.newest_first()
    fitting = (
        exchange
        for exchange in found
        if (before is None or exchange.serial < before)
        and (kind is None or kind == (exchange.call.kind if exchange.call else "other"))
    )
    page = list(islice(fitting, limit + 1))
    return {
        "calls": [call_in_full(exchange, account, now=now) for exchange in page[:limit]],
        "next": page[limit - 1].serial if len(page) > limit else None,
    }


def fault(placed: PlacedFault) -> dict[str, Any]:
    """A fault in force: its number, its hits, its fields, and what it does and when in words."""
    return {
        "number": placed.number,
        "hits": placed.hits,
        "on": placed.fault.on,
        "what": str(placed.fault),
        "when": describe_calls(placed.fault),
        "fields": _fields(placed.fault),
    }


def _fields(fault: Fault) -> dict[str, Any]:
    """The fields that are set and that JSON can express: no body of bytes, and no endless range of calls."""
    calls = list(fault.calls) if isinstance(fault.calls, tuple | list) else None
    start, end = fault.window or (None, None)
    window = None if fault.window is None else [start, None if end == float("inf") else end]
    values = {
        "on": fault.on,
        "calls": calls,
        "probability": fault.probability,
        "window": window,
        "times": fault.times,
        "delay": fault.delay or None,
        "status": fault.status,
        "body": None if isinstance(fault.body, bytes) else fault.body,
        "headers": None if fault.headers is None else dict(fault.headers),
        "malformed": fault.malformed,
        "encoding": fault.encoding,
        "cut": fault.cut,
        "accepts": fault.accepts,
    }
    return {name: value for name, value in values.items() if value is not None}


def _job_of(exchange: Exchange, account: Account) -> int | None:
    """The number of the job that a request started, polled or downloaded."""
    if exchange.call is None:
        return None
    ids = [exchange.path.rpartition("/")[2].removesuffix(".png")]
    if exchange.call.kind == "submit":
        ids = [value.decode("latin-1") for name, value in exchange.answer_headers if name == b"x-request-id"]
    found = [charge for id in ids if (charge := account.ledger.find(id))]
    return found[0].number if found else None


def _polls(account: Account) -> Counter[str]:
    return Counter(
        exchange.path.rpartition("/")[2]
        for exchange in account.traffic.newest_first()
        if exchange.call is not None and exchange.call.kind == "poll"
    )


def _is_upload(exchange: Exchange) -> bool:
    return exchange.call is not None and exchange.call.kind == "upload"


def _picture(url: str, account: Account) -> dict[str, Any]:
    """The URL of a picture as submitted, and the path from which the page loads it.

    The path is None for a picture that the emulator does not host: the page loads nothing from other hosts.
    """
    name = hosted_file_name(url) if account.outputs.sha256_of(url) else None
    shown = excerpt(url.encode("utf-8", "replace")).decode("utf-8", "replace")
    return {"url": shown[:_URL_SHOWN], "picture": f"{PICTURES}{name}" if name else None}
