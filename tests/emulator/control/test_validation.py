"""A field or parameter that cannot be used is named."""

from typing import Any

import pytest

from segmind_swap.emulator import Emulator

from ..calling import JSON, control


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("faults", {"on": "pol", "status": 502}, "on must be one of submit"),
        ("faults", {"on": "poll", "statsu": 502}, "there is no field 'statsu'"),
        ("faults", {"on": "poll", "status": "502"}, 'status must be a whole number, not "502"'),
        ("faults", {"on": "poll", "status": True}, "status must be a whole number"),
        ("faults", {"on": "poll", "status": 99}, "status is from 200"),
        ("faults", {"on": "poll", "status": 500, "times": 0}, "times is at least 1"),
        ("faults", {"on": "poll", "status": 500, "calls": 3}, "calls must be a list"),
        ("faults", {"on": "poll", "status": 500, "calls": ["3"]}, "calls must be a whole number"),
        ("faults", {"on": "poll", "status": 500, "probability": "high"}, "probability must be a number"),
        ("faults", {"on": "poll", "status": 500, "window": [1]}, "window must be a list of two"),
        ("faults", {"on": "poll", "status": 500, "window": [5, 2]}, "window is a start and a later end"),
        ("faults", {"on": "poll", "status": 500, "headers": {"a": "b\r\nc: d"}}, "headers must be printable"),
        (
            "faults",
            {"on": "poll", "status": 500, "headers": {"Content-Length": "3"}},
            "must not contain content-length",
        ),
        ("faults", {"on": "poll", "status": 500, "body": 3}, "body must be a text"),
        ("faults", {"on": "poll", "malformed": "xml"}, "malformed must be one of"),
        ("faults", {"on": "poll", "cut": ["x"]}, "cut must be a text"),
        ("faults", {"on": "submit", "status": 504, "accepts": 1}, "accepts must be true or false"),
        ("faults", {"on": "poll"}, "would do nothing"),
        ("faults", {"status": 502}, "on must name"),
        ("faults", {"rule": "poll:5x2"}, "'5x2' is not understood"),
        ("faults", {"rule": "poll:502", "on": "poll"}, "rule describes the whole fault"),
        ("faults", {"rule": 5}, "rule must be a text"),
        ("faults", [], "the body must be a JSON object"),
        ("clock/advance", {}, "seconds must be given"),
        ("clock/advance", {"seconds": -1}, "seconds must be a number of at least 0"),
        ("clock/advance", {"seconds": 1e300}, "seconds must be a number"),
        ("clock/pause", {"seconds": 1}, "there is no field 'seconds'"),
        ("reset", {"all": True}, "there is no field 'all'"),
    ],
)
async def test_a_wrong_field_is_named(path: str, body: Any, words: str) -> None:
    emulator = Emulator()
    async with control(emulator) as program:
        response = await program.post(f"/_emulator/{path}", json=body)
    assert response.status_code == 400
    assert words in response.json()["error"]
    assert emulator.faults == ()


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b'{"seconds": NaN}', b'{"seconds": Infinity}', b"[" * 60_000]
)
async def test_what_is_no_json_is_refused(body: bytes) -> None:
    async with control(Emulator()) as program:
        response = await program.post("/_emulator/clock/advance", content=body, headers=JSON)
    assert response.status_code == 400
    assert "body must be a JSON object" in response.json()["error"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("state?jobs=0", "jobs must be a whole number from 1 to 500"),
        ("state?since=4", "there is no parameter 'since'"),
        ("calls?limit=x", "limit must be a whole number"),
        ("calls?kind=pol", "kind must be one of submit"),
        ("calls?before=-1", "before must be a whole number"),
        ("ledger?before=0", "before must be a whole number"),
    ],
)
async def test_a_wrong_parameter_is_named(path: str, words: str) -> None:
    async with control(Emulator()) as program:
        response = await program.get(f"/_emulator/{path}")
    assert response.status_code == 400
    assert words in response.json()["error"]
