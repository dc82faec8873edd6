"""The batch that is put to the test. As a program it is what gets killed."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import anyio

from segmind_swap import EventHandler, PollPolicy, RequestTimeouts, RetryPolicy, SwapClient, SwapRequest

from .mechanisms import deleted

Policy = Literal["strict", "documented"]
POLICIES: tuple[Policy, ...] = ("strict", "documented")

POLL_INTERVAL = 0.1
PATIENCE = 2.0
"""Seconds after which a request is given up; what is to come too late comes later than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A batch.

    Attributes:
        folder: Holds the journal and the pictures.
        limit: Seconds after which the batch counts as hanging.
        max_futile: After how many swaps in a row without a picture the batch stops. None for most faults:
            what each call costs is asked, and not when a batch gives up.
    """

    url: str
    folder: Path
    swaps: int
    concurrency: int
    policy: Policy
    loop: str
    limit: float = 120.0
    max_futile: int | None = None

    @property
    def journal(self) -> Path:
        return self.folder / "run.db"

    @property
    def pictures(self) -> Path:
        return self.folder / "out"


def requests(count: int) -> Iterator[SwapRequest]:
    """Each with a scene of its own, named as itself, by which the ledger tells what was paid."""
    for number in range(count):
        yield SwapRequest(
            id=f"s{number}",
            reference_character_image="https://pictures.example/hero.png",
            character_image=f"https://pictures.example/s{number}",
        )


async def _run(plan: Plan, on_begun: Callable[[], None], on_event: EventHandler | None) -> None:
    client = SwapClient(
        "emulator-key",
        base_url=plan.url,
        max_in_flight=plan.concurrency,
        polling=PollPolicy(interval=POLL_INTERVAL),
        retry=RetryPolicy(submit=plan.policy, initial_delay=0.05, max_delay=0.2),
        request_timeouts=RequestTimeouts(
            submit_read=PATIENCE, poll_read=PATIENCE, download_read=PATIENCE, submit_total=2 * PATIENCE
        ),
        on_event=on_event,
    )
    many = client.swap_many(
        requests(plan.swaps), journal=plan.journal, save_to=plan.pictures, max_futile=plan.max_futile
    )
    with anyio.fail_after(plan.limit):
        async with client, many as outcomes:
            on_begun()
            async for _ in outcomes:
                pass


def run(
    plan: Plan, on_begun: Callable[[], None] = lambda: None, on_event: EventHandler | None = None
) -> None:
    """Runs the batch to its end."""
    anyio.run(_run, plan, on_begun, on_event, backend=plan.loop)


def command(plan: Plan, without: str | None = None) -> list[str]:
    """The arguments of this program that run the batch."""
    words = [plan.url, str(plan.folder), str(plan.swaps), str(plan.concurrency), plan.policy, plan.loop]
    return [*words, str(plan.limit), *([f"--without={without}"] if without else [])]


def main() -> None:
    """Says when it has begun."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("swaps", type=int)
    parser.add_argument("concurrency", type=int)
    parser.add_argument("policy", choices=POLICIES)
    parser.add_argument("loop")
    parser.add_argument("limit", type=float)
    parser.add_argument("--without")
    options = vars(parser.parse_args())
    with deleted(options.pop("without")):
        run(Plan(**options), partial(print, "begun", flush=True))


if __name__ == "__main__":
    main()
