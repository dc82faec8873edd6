"""Which calls a fault hits, in words."""

from typing import Any

import pytest

from segmind_swap.emulator import Fault
from segmind_swap.emulator._faults.description import describe_calls


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "every call"),
        ({"calls": (3,)}, "call 3"),
        ({"calls": [1, 4]}, "calls 1, 4"),
        ({"calls": range(3, 8)}, "calls 3 to 7"),
        ({"calls": range(3, 8, 2)}, "some calls"),
        ({"calls": frozenset({3})}, "some calls"),
        ({"probability": 0.125}, "12.5% of calls"),
        ({"calls": (1, 2), "probability": 0.5}, "calls 1, 2, 50% of them"),
        ({"times": 1}, "once"),
        ({"times": 3, "window": (0, 2.5)}, "0 to 2.5 s, 3 times"),
    ],
)
def test_the_calls_of_a_fault_are_described(fields: dict[str, Any], words: str) -> None:
    assert describe_calls(Fault(on="poll", status=502, **fields)) == words
