"""An engine of the user's own."""

from segmind_swap.emulator import Emulator, Picture, SwapImpossible

from ..calling import PAYLOADS, connect, finished, output_url, picture, upload


async def test_an_engine_is_given_both_pictures() -> None:
    seen = []

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        seen.append((reference, scene))
        return b"the picture"

    red = picture("red")
    async with connect(Emulator(engine=engine)) as client:
        (url,) = await upload(client, red)
        body = await finished(
            client, reference_character_image=url, character_image="https://a.example/a.png"
        )
        assert (await client.get(output_url(body))).content == b"the picture"
    assert seen == [(Picture(url=url, data=red), Picture(url="https://a.example/a.png", data=None))]


async def test_an_engine_may_find_a_swap_impossible() -> None:
    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        raise SwapImpossible("No character found in character_image")

    async with connect(Emulator(engine=engine)) as client:
        assert await finished(client) == PAYLOADS["F24"]["body"]
