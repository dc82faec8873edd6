"""The fixed picture of the engine "none"."""

import io

from PIL import Image

from segmind_swap.emulator import Emulator

from ..calling import (
    connect,
    finished,
    output_url,
)


async def test_the_engine_none_returns_one_fixed_small_picture() -> None:
    async with connect(Emulator(engine="none")) as client:
        contents = {(await client.get(output_url(await finished(client)))).content for _ in range(2)}
    (content,) = contents
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (8, 8)
