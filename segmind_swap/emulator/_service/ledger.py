"""The ledger: credits, and one charge for each accepted job.

There is no I/O and no clock here. The caller passes the time in seconds on the emulator's clock, so that real
and virtual time give the same numbers.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

JobState = Literal["QUEUED", "PROCESSING", "COMPLETED", "FAILED"]

QUEUED_SHARE = 0.05
"""The share of a job's time during which its state is QUEUED."""

OUTPUT_LIFETIME = 7 * 24 * 3600.0
"""Seconds after which an output file is deleted. Segmind deletes files after 7 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One accepted job, which was billed when it was accepted.

    The two picture fields are the URLs as submitted, or the URL of a sample where the field was missing. A
    sha256 is None where the emulator does not host the picture. ``accepted_at`` is in seconds on the
    emulator's clock. ``fault`` describes the fault, if any, that hit the response to the submit.
    ``answer_lost`` is true if the client cannot know the job from that response: the fault replaced or cut
    the response, or held it back until the client had gone. ``outcome``
    is None until a poll has found that the job has ended. A FAILED job has a ``reason`` and stays charged,
    unless ``refunded`` is true: whether Segmind refunds a failed job is not documented.
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
    answer_lost: bool = False
    outcome: Literal["COMPLETED", "FAILED"] | None = None
    reason: str | None = None
    refunded: bool = False

    @property
    def identity(self) -> tuple[str, str]:
        """The swap that was paid for: (reference, scene), each as its sha256 if known, else as its URL."""
        return (
            self.reference_sha256 or self.reference_character_image,
            self.scene_sha256 or self.character_image,
        )


class Ledger:
    """Credits and jobs.

    A job is stored as its charge only: its state follows from the time since its acceptance. The last eight
    digits of a request id are the number of the charge, so that no index is needed beside the ledger. The
    first 24 digits are random for each ledger, so that an id of an earlier run is unknown.
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
        # Decimals: $0.30 must pay for exactly three jobs at $0.10. Through str: Decimal(0.1) is not 0.1.
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
        """Start a job for (reference, scene) and bill the job."""
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
        """The job of this id, however old the job is."""
        digits = request_id.removeprefix(self._prefix)
        if len(request_id) != 32 or len(digits) != 8 or not set(digits) <= set("0123456789abcdef"):
            return None
        number = int(digits, 16)
        return self._charges[number - 1] if 1 <= number <= len(self._charges) else None

    def find_pollable(self, request_id: str, now: float) -> Charge | None:
        """The job of this id if its record has not expired, which is what a poll sees."""
        charge = self.find(request_id)
        expired = charge is not None and now >= charge.accepted_at + self._record_lifetime
        return None if expired else charge

    def find_with_output(self, request_id: str, now: float) -> Charge | None:
        """The job of this id if the job is completed and its picture is not deleted yet."""
        charge = self.find(request_id)
        if charge is None or charge.outcome != "COMPLETED":
            return None
        return None if now >= charge.accepted_at + self._job_time + OUTPUT_LIFETIME else charge

    def state(self, charge: Charge, now: float) -> JobState | None:
        """The state of the job. None if its time is up and `finish` was not called yet."""
        if charge.outcome is not None:
            return charge.outcome
        if now < charge.accepted_at + QUEUED_SHARE * self._job_time:
            return "QUEUED"
        return "PROCESSING" if now < charge.accepted_at + self._job_time else None

    def metrics(self, charge: Charge) -> dict[str, float]:
        """The metrics that newer responses carry for a job that has ended, in USD and seconds."""
        queued = QUEUED_SHARE * self._job_time
        return {
            "cost": 0.0 if charge.refunded else charge.price_usd,
            "remaining_credits": self.credits_usd,
            "inference_time": self._job_time - queued,
            "queue_time": queued,
            "total_time": self._job_time,
        }

    def lose_answer(self, request_id: str) -> None:
        """Record that the response to the submit of this job did not reach the client. No job, no effect."""
        charge = self.find(request_id)
        if charge is not None:
            self._charges[charge.number - 1] = replace(charge, answer_lost=True)

    def finish(self, charge: Charge, reason: str | None) -> Charge:
        """Store the outcome of the job: COMPLETED if ``reason`` is None, else FAILED."""
        refunded = reason is not None and self._refund_failed
        outcome: Literal["COMPLETED", "FAILED"] = "COMPLETED" if reason is None else "FAILED"
        # Replaced in the ledger's own record: the caller's may be older.
        finished = replace(
            self._charges[charge.number - 1], outcome=outcome, reason=reason, refunded=refunded
        )
        if refunded:
            self._credits += self._price
        self._charges[charge.number - 1] = finished
        return finished
