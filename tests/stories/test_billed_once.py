"""The client against the emulator over real sockets; the emulator's ledger is the witness."""

import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import (
    Event,
    PollPolicy,
    RetryPolicy,
    RetryScheduled,
    SubmissionUnknownError,
    SwapClient,
    SwapError,
    SwapResult,
)
from segmind_swap.emulator import Emulator, Fault

SWAPS = 400
KEY = "emulator-key"
QUICK = PollPolicy(interval=0.25)


def pair(number: int) -> dict[str, Any]:
    return {
        "reference_character_image": f"https://pictures.example/hero-{number}.png",
        "character_image": f"https://pictures.example/street-{number}.jpg",
    }


def troubled() -> Emulator:
    """Every twentieth submit is cut after its body; every twentieth is a gateway error. Both start a job."""
    return Emulator(
        duration=0.2,
        engine="none",
        credits_usd=1e6,
        faults=[
            Fault(on="submit", calls=range(20, 10_000, 20), cut="after-body"),
            Fault(on="submit", calls=range(7, 10_000, 60), status=502, accepts=True),
            Fault(on="submit", calls=range(27, 10_000, 60), status=503, accepts=True),
            Fault(on="submit", calls=range(47, 10_000, 60), status=504, accepts=True),
            Fault(on="poll", probability=0.05, status=502),
            Fault(on="poll", probability=0.02, cut="after-body"),
        ],
    )


async def run(url: str, retry: RetryPolicy) -> tuple[dict[int, SwapResult | SwapError], list[Event]]:
    endings: dict[int, SwapResult | SwapError] = {}
    events: list[Event] = []
    async with (
        SwapClient(KEY, base_url=url, retry=retry, polling=QUICK, on_event=events.append) as swaps,
        anyio.create_task_group() as group,
    ):

        async def one(number: int) -> None:
            try:
                endings[number] = await swaps.swap(**pair(number), timeout=3600)
            except SwapError as error:
                endings[number] = error

        for number in range(SWAPS):
            group.start_soon(one, number)
    return endings, events


@pytest.mark.real_time
@pytest.mark.parametrize("policy", ["strict", "documented"])
async def test_four_hundred_swaps_in_trouble_are_all_accounted_for(
    policy: Any, loop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    emulator = troubled()
    with emulator.serve() as url:
        endings, events = await run(url, RetryPolicy(submit=policy, initial_delay=0.02, max_delay=0.1))
    kinds = Counter(type(ending).__name__ for ending in endings.values())
    billed = Counter(charge.character_image for charge in emulator.ledger)
    done = {n for n, ending in endings.items() if isinstance(ending, SwapResult)}
    unknown = {n: ending for n, ending in endings.items() if isinstance(ending, SubmissionUnknownError)}
    retried = sum(isinstance(event, RetryScheduled) and event.call == "submit" for event in events)
    extra = sum(count - 1 for count in billed.values())
    with capsys.disabled():
        print(
            f"\n{loop}, {policy}: {SWAPS} swaps, {emulator.count('submit')} submits,"
            f" {len(emulator.ledger)} billed,"
            f" {dict(kinds)}, paid twice {len(emulator.paid_twice())}, gateway errors retried {retried}",
            file=sys.stderr,
        )

    assert set(kinds) <= {"SwapResult", "SubmissionUnknownError"}
    assert len(done) + len(unknown) == SWAPS
    assert set(billed) == {pair(n)["character_image"] for n in done | unknown.keys()}, (
        "no accepted job is lost"
    )
    assert 15 <= sum(error.status_code is None for error in unknown.values()) <= 25, "the cut ones"
    if policy == "strict":
        assert emulator.paid_twice() == []
        assert retried == 0
        assert emulator.count("submit") == SWAPS
        assert 15 <= sum(error.status_code in {502, 503, 504} for error in unknown.values()) <= 25
    else:
        assert 0 < extra <= retried
        results = [ending for ending in endings.values() if isinstance(ending, SwapResult)]
        told = sum(result.job.possible_duplicates for result in results)
        told += sum(error.possible_duplicates - 1 for error in unknown.values())
        assert extra == told == retried, "each duplicate is told to the caller"


@pytest.mark.real_time
async def test_two_files_become_a_picture_over_real_sockets(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (300, 400), "#7fb3d5").save(tmp_path / "hero.png")
    Image.new("RGB", (640, 480), "#abebc6").save(tmp_path / "street.jpg")
    emulator = Emulator(duration=0.2)
    with emulator.serve() as url:
        async with SwapClient(KEY, base_url=url, polling=QUICK) as swaps:
            before = await swaps.credits()
            result = await swaps.swap(
                reference_character_image=tmp_path / "hero.png",
                character_image=tmp_path / "street.jpg",
                save_to=tmp_path / "out",
            )
            after = await swaps.credits()
    assert result.path == tmp_path / "out.png"
    with Image.open(result.path) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height
    (charge,) = emulator.ledger
    assert charge.price_usd == pytest.approx(before.credits - after.credits)
    assert None not in (charge.reference_sha256, charge.scene_sha256)
    assert charge.reference_sha256 != charge.scene_sha256


async def test_the_emulator_in_process_needs_neither_sockets_nor_time() -> None:
    emulator = Emulator(engine="none", rate_limit=5)
    transport = httpx.ASGITransport(app=emulator.app)
    async with SwapClient(KEY, base_url="http://127.0.0.1", transport=transport) as swaps:
        started = anyio.current_time()
        async with anyio.create_task_group() as group:
            for number in range(12):
                group.start_soon(lambda n: swaps.swap(**pair(n)), number)
        took = anyio.current_time() - started
    assert len(emulator.ledger) == 12
    assert emulator.paid_twice() == []
    assert 120 <= took < 60 * 4 + 80, "five a minute, then 72 seconds for the last"


@pytest.mark.real_time
async def test_a_cut_before_the_body_was_read_is_unknown_as_nobody_can_tell(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    emulator = Emulator(
        duration=0.1, engine="none", faults=[Fault(on="submit", calls=(1,), cut="before-body")]
    )
    with emulator.serve() as url:
        async with SwapClient(KEY, base_url=url, polling=QUICK) as swaps:
            with pytest.raises(SubmissionUnknownError):
                await swaps.swap(**pair(1))
            await swaps.swap(**pair(2))
    assert len(emulator.ledger) == 1
    assert KEY not in caplog.text
