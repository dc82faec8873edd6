"""What the emulated account knows: its calls, its jobs and what they cost.

There is no I/O here and no clock: the caller brings the time, in seconds of the loop's clock, so that the
same numbers come out in real and in virtual time.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

JobState = Literal["QUEUED", "PROCESSING", "COMPLETED", "FAILED"]

QUEUED_SHARE = 0.05
"""The part of a job's time that it reads QUEUED."""

OUTPUT_LIFETIME = 7 * 24 * 3600.0
"""Seconds after which an output file is gone. Segmind: files are deleted after 7 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One accepted, and so billed, job.

    The two picture fields hold the URLs as submitted, or a sample's where the field was missing. The digests
    are None where the emulator does not host the picture. ``accepted_at`` is on the emulator's clock.
    ``fault`` tells which fault, if any, came between this job and its submitter. ``outcome`` is None until a
    poll has seen the job's end; a FAILED job has a ``reason`` and stays charged, unless it is ``refunded``:
    whether Segmind gives the money back is not documented.
    """

    number: int
    request_id: str
    reference_character_image: str
    character_image: str
    reference_sha256: str | None
    scene_sha256: str | None
    price_usd: float
    accepted_at: float
    fault: str | None = None
    outcome: Literal["COMPLETED", "FAILED"] | None = None
    reason: str | None = None
    refunded: bool = False

    @property
    def identity(self) -> tuple[str, str]:
        """The swap that was paid for: (reference, scene), by digest where known, else by URL."""
        return (
            self.reference_sha256 or self.reference_character_image,
            self.scene_sha256 or self.character_image,
        )


class Ledger:
    """Credits and jobs.

    A job is nothing but its charge: its state follows from the time since it was accepted. The last eight
    digits of a request id are the charge's number, so that no index grows beside the ledger; the first 24
    belong to this ledger alone, so that an id from an earlier run is unknown.
    """

    def __init__(
        self,
        *,
        credits_usd: float,
        price_usd: float,
        job_time: float,
        record_lifetime: float,
        refund_failed: bool,
    ) -> None:
        # Through str, because three jobs at $0.10 must be had for $0.30.
        self._credits = Decimal(str(credits_usd))
        self._price = Decimal(str(price_usd))
        self.price_usd = float(self._price)
        self._job_time = job_time
        self._record_lifetime = record_lifetime
        self._refund_failed = refund_failed
        self._prefix = uuid.uuid4().hex[:24]
        self._charges: list[Charge] = []

    @property
    def credits_usd(self) -> float:
        return float(self._credits)

    @property
    def job_time(self) -> float:
        """Seconds from the acceptance of a job to its end."""
        return self._job_time

    @property
    def affordable(self) -> bool:
        return self._credits >= self._price

    def charges(self) -> tuple[Charge, ...]:
        return tuple(self._charges)

    def accept(
        self, *, images: tuple[str, str], digests: Sequence[str | None], now: float, fault: str | None
    ) -> Charge:
        """Start a job for (reference, scene) and bill it."""
        number = len(self._charges) + 1
        charge = Charge(
            number=number,
            request_id=f"{self._prefix}{number:08x}",
            reference_character_image=images[0],
            character_image=images[1],
            reference_sha256=digests[0],
            scene_sha256=digests[1],
            price_usd=self.price_usd,
            accepted_at=now,
            fault=fault,
        )
        self._charges.append(charge)
        self._credits -= self._price
        return charge

    def find(self, request_id: str) -> Charge | None:
        """The job of this id, however old."""
        digits = request_id.removeprefix(self._prefix)
        if len(request_id) != 32 or len(digits) != 8 or not set(digits) <= set("0123456789abcdef"):
            return None
        number = int(digits, 16)
        return self._charges[number - 1] if 1 <= number <= len(self._charges) else None

    def find_pollable(self, request_id: str, now: float) -> Charge | None:
        """The job of this id while its record lives, which is what a poll sees."""
        charge = self.find(request_id)
        expired = charge is not None and now >= charge.accepted_at + self._record_lifetime
        return None if expired else charge

    def find_with_output(self, request_id: str, now: float) -> Charge | None:
        """The job of this id if it left a picture that is still kept."""
        charge = self.find(request_id)
        if charge is None or charge.outcome != "COMPLETED":
            return None
        return None if now >= charge.accepted_at + self._job_time + OUTPUT_LIFETIME else charge

    def state(self, charge: Charge, now: float) -> JobState | None:
        """Where the job is; None when its time is up and `finish` has to say how it ended."""
        if charge.outcome is not None:
            return charge.outcome
        if now < charge.accepted_at + QUEUED_SHARE * self._job_time:
            return "QUEUED"
        return "PROCESSING" if now < charge.accepted_at + self._job_time else None

    def metrics(self, charge: Charge) -> dict[str, float]:
        """What newer answers tell about a job that has ended; in USD and seconds."""
        queued = QUEUED_SHARE * self._job_time
        return {
            "cost": 0.0 if charge.refunded else charge.price_usd,
            "remaining_credits": self.credits_usd,
            "inference_time": self._job_time - queued,
            "queue_time": queued,
            "total_time": self._job_time,
        }

    def finish(self, charge: Charge, reason: str | None) -> Charge:
        """Write down how the job ended: completed, or failed for a reason."""
        refunded = reason is not None and self._refund_failed
        outcome: Literal["COMPLETED", "FAILED"] = "COMPLETED" if reason is None else "FAILED"
        finished = replace(charge, outcome=outcome, reason=reason, refunded=refunded)
        if refunded:
            self._credits += self._price
        self._charges[charge.number - 1] = finished
        return finished
