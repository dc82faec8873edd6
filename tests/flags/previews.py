"""Results that nobody drew for the flags: local previews of the bundled pairs. Each takes some seconds."""

from __future__ import annotations

from collections.abc import Iterator

import anyio

from segmind_swap import ResultMeasures, gallery
from segmind_swap.emulator import Picture
from segmind_swap.emulator.preview import Preview

from .labelled import measured

PAIRS = [
    (character, scene)
    for place, scene in enumerate(gallery.SCENES)
    for character in (gallery.CHARACTERS[place], gallery.CHARACTERS[(place + 2) % len(gallery.CHARACTERS)])
]
"""Each scene with the character that suits it, and with another one."""


def previews() -> Iterator[tuple[str, ResultMeasures]]:
    """The name of each pair, and what was measured of its preview."""
    engine = Preview()
    for character, scene in PAIRS:
        pictures = [gallery.path(name).read_bytes() for name in (character, scene)]
        reference, place = (Picture(url="", data=data) for data in pictures)

        async def made(reference: Picture = reference, place: Picture = place) -> bytes:
            return await engine(reference=reference, scene=place)

        yield f"{character} in the {scene}", measured(anyio.run(made), pictures[1], pictures[0])
