"""The response that a fault sends in place of the right one."""

import json
from typing import Any

import pytest

from segmind_swap.emulator import Emulator, Fault

from ..calling import (
    PAYLOADS,
    connect,
    poll_url,
    submit,
)


@pytest.mark.parametrize(
    "payload",
    ["F32", "F34", "F36", "F37", "F38", "F40", "F42", "F45", "F46", "F47", "F53", "F31"],
)
async def test_a_status_comes_with_the_body_that_was_published_for_it(payload: str) -> None:
    expected = PAYLOADS[payload]
    emulator = Emulator(faults=[Fault(on="submit", status=expected["http"])])
    async with connect(emulator) as client:
        response = await submit(client)
    assert response.status_code == expected["http"]
    if "body" in expected:
        assert response.json() == expected["body"]
    else:
        assert response.text == expected["text"]
    assert response.headers["date"]
    for name, value in expected.get("headers", {}).items():
        assert response.headers[name].startswith(value)


async def test_every_status_can_be_answered() -> None:
    statuses = range(200, 600)
    faults = [Fault(on="poll", calls=(number,), status=status) for number, status in enumerate(statuses, 1)]
    async with connect(Emulator(faults=faults)) as client:
        assert [(await client.get("/workflows/request/1")).status_code for _ in statuses] == list(statuses)


async def test_a_body_and_headers_replace_the_usual_ones() -> None:
    faults = [
        Fault(on="poll", calls=(1,), status=200, body={"status": "WARMING_UP"}),
        Fault(on="poll", calls=(2,), status=500, body=["unexpected"]),
        Fault(on="poll", calls=(3,), status=406, body="Not enough credits"),
        Fault(on="poll", calls=(4,), status=429, headers={"retry-after": "3", "date": "long ago"}),
        Fault(on="poll", calls=(5,), status=200, body=b"{", headers={"content-type": "text/x"}),
    ]
    async with connect(Emulator(faults=faults)) as client:
        got = [await client.get("/workflows/request/1") for _ in faults]
    assert got[0].json() == PAYLOADS["F11"]["body"]
    assert got[1].json() == PAYLOADS["F49"]["body"]
    assert got[2].text == PAYLOADS["F41"]["text"]
    assert got[2].headers["content-type"].startswith("text/plain")
    assert got[3].headers["retry-after"] == "3"
    assert got[3].headers.get_list("date") == ["long ago"]
    assert got[4].content == b"{"
    assert got[4].headers.get_list("content-type") == ["text/x"]


@pytest.mark.parametrize(
    ("malformed", "check"),
    [
        ("html", lambda content: content == PAYLOADS["F08"]["text"].encode()),
        ("truncated", lambda content: content.startswith(b'{"message":"Request queued","poll_url"')),
        ("empty", lambda content: content == b""),
        ("list", lambda content: content == b'["unexpected"]'),
        ("not-utf8", lambda content: b"\xff" in content),
    ],
)
@pytest.mark.parametrize("accepts", [None, False])
async def test_a_malformed_answer_has_status_200(malformed: Any, check: Any, accepts: bool | None) -> None:
    emulator = Emulator(faults=[Fault(on="submit", malformed=malformed, accepts=accepts)])
    async with connect(emulator) as client:
        response = await submit(client)
    assert response.status_code == 200
    assert check(response.content)
    if malformed != "list":
        with pytest.raises(ValueError, match=r"."):
            json.loads(response.content)
    assert [charge.fault for charge in emulator.ledger] == (
        [] if accepts is False else [f"malformed {malformed}"]
    )


@pytest.mark.parametrize("malformed", ["html", "truncated", "empty", "list", "not-utf8"])
async def test_every_kind_of_call_can_be_answered_wrongly(malformed: Any) -> None:
    kinds: tuple[Any, ...] = ("poll", "upload", "credits", "file")
    emulator = Emulator(faults=[Fault(on=kind, malformed=malformed) for kind in kinds])
    async with connect(emulator) as client:
        got = [
            await client.get(await poll_url(client)),
            await client.post("/upload-asset", json={"data_urls": ["data:image/png;base64,AAAA"]}),
            await client.get("/v1/get-user-credits"),
            await client.get("/files/sample-scene.png"),
        ]
    assert [response.status_code for response in got] == [200] * 4
