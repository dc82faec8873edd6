"""A fault as a value: what contradicts itself, and which calls it hits."""

from typing import Any

import pytest

from segmind_swap.emulator import Emulator, Fault

from ..calling import connect, submit


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"delay": -1.0},
        {"delay": float("nan")},
        {"status": 504, "cut": "after-body"},
        {"status": 504, "malformed": "html"},
        {"malformed": "html", "cut": "mid-answer"},
        {"status": 100},
        {"status": 600},
        {"status": 204, "body": "text"},
        {"body": "text", "delay": 1.0},
        {"headers": {"a": "b"}, "cut": "after-body"},
        {"cut": "before-body", "accepts": True},
        {"cut": "sideways"},
        {"malformed": "odd"},
        {"status": 504, "on": "delete"},
        {"status": 504, "probability": 1.5},
        {"status": 504, "calls": 3},
        {"delay": 1.0, "accepts": False},
    ],
)
def test_a_rule_that_contradicts_itself_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^Fault: "):
        Fault(**{"on": "submit", **arguments})


@pytest.mark.parametrize("calls", [(2, 4), {2, 4}, range(2, 6, 2)])
async def test_a_fault_hits_the_numbered_calls_of_its_kind(calls: Any) -> None:
    emulator = Emulator(faults=[Fault(on="submit", calls=calls, status=504)])
    async with connect(emulator) as client:
        statuses = []
        for _ in range(5):
            await client.get("/v1/get-user-credits")
            statuses.append((await submit(client)).status_code)
    assert statuses == [200, 504, 200, 504, 200]
    assert len(emulator.ledger) == 3
    assert emulator.count("submit") == 5


async def test_a_probability_depends_on_the_seed_only() -> None:
    async def statuses(seed: int) -> list[int]:
        emulator = Emulator(faults=[Fault(on="credits", probability=0.3, status=502)], seed=seed)
        async with connect(emulator) as client:
            return [(await client.get("/v1/get-user-credits")).status_code for _ in range(400)]

    first = await statuses(1)
    assert first == await statuses(1)
    assert first != await statuses(2)
    assert 80 < first.count(502) < 160


@pytest.mark.parametrize(("probability", "status"), [(0.0, 200), (1.0, 500)])
async def test_a_probability_of_nought_never_hits_and_of_one_always(probability: float, status: int) -> None:
    emulator = Emulator(faults=[Fault(on="credits", probability=probability, status=500)])
    async with connect(emulator) as client:
        assert {(await client.get("/v1/get-user-credits")).status_code for _ in range(20)} == {status}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"times": 0}, "times"), ({"window": (5, 5)}, "window"), ({"window": (-1, 5)}, "window")],
)
def test_a_fault_that_can_never_hit_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Fault(on="poll", status=500, **wrong)  # type: ignore[arg-type]
