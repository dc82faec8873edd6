"""The recorded traffic: keys masked, long bodies shortened, and an end to what is kept."""

import json

from segmind_swap.emulator import Emulator
from segmind_swap.emulator._control.traffic import EXCHANGES_KEPT, excerpt

from ..calling import (
    connect,
    control,
    submit,
)


async def test_a_key_is_never_told_in_full() -> None:
    key = "SG_0123456789abcdef"
    emulator = Emulator(api_key=key)
    async with connect(emulator, authorization=f"Bearer {key}") as client, control(emulator) as program:
        await submit(client, reference_character_image=f"https://pictures.example/{key}", character_image="x")
        await client.get("/v1/get-user-credits", headers={"x-api-key": key, "cookie": f"key={key}"})
        await client.get(f"/wrong/{key}?key={key}")
        texts = [(await program.get(f"/_emulator/{path}")).text for path in ("state", "calls")]
    assert emulator.count("submit") == 1
    assert '"path":"/wrong/SG_0… (19 characters)"' in texts[0]
    assert "Bearer SG_0… (19 characters)" in texts[1]
    assert "0123456789" not in texts[1]


async def test_a_short_key_is_not_told_at_all() -> None:
    emulator = Emulator(api_key="s3cret")
    async with connect(emulator, **{"x-api-key": "s3cret"}) as client, control(emulator) as program:
        await submit(client)
        text = (await program.get("/_emulator/calls")).text
    assert "… (6 characters)" in text
    assert "s3cr" not in text


async def test_a_long_upload_is_told_by_its_beginning_and_its_size() -> None:
    body = json.dumps({"data_urls": [f"data:image/png;base64,{'A' * 1_000_000}", "data:,b"]}).encode()
    kept = excerpt(body)
    assert len(kept) < 300
    assert b"data:image/png;base64,AAAA" in kept
    assert b"1,000,022 bytes" in kept
    assert kept.endswith(b'"data:,b"]}')
    assert len(excerpt(b'"' * 10_000)) <= 4096


async def test_what_is_remembered_of_calls_has_an_end() -> None:
    emulator = Emulator()
    async with connect(emulator) as client:
        for _ in range(EXCHANGES_KEPT + 10):
            await client.get("/wrong")
    traffic = emulator._controls.account.traffic
    assert (len(list(traffic.newest_first())), traffic.count) == (EXCHANGES_KEPT, EXCHANGES_KEPT + 10)
