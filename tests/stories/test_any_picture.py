"""A sound picture never makes the emulator answer 500, whatever its mode, format, metadata or size."""

import anyio
import httpx
import pytest
from PIL import Image

from segmind_swap.emulator import Emulator
from segmind_swap.emulator.preview._swap import swap

from ..emulator import figures, odd_pictures
from ..emulator.calling import KEY, connect, output_url, poll_to_end, poll_url, upload


def every_picture() -> list[tuple[str, bytes]]:
    """One picture of each kind; the tests of `decode` try all combinations."""
    return [
        *odd_pictures.every_mode_and_form(),
        *((name, data) for name, data, _ in odd_pictures.every_exif() if not name.endswith("JPEG")),
        *((name, data) for name, data, _ in odd_pictures.every_profile()),
        *odd_pictures.others(),
        *odd_pictures.sizes(),
    ]


async def swapped(client: httpx.AsyncClient, reference: bytes, scene: bytes, every: float) -> bytes | str:
    """The result of a swap, or the reason why it failed. Every answer of the emulator is a 200."""
    # The emulator looks at the bytes: what the upload says about their type does not matter.
    urls = await upload(client, reference, scene)
    job = await poll_url(client, reference_character_image=urls[0], character_image=urls[1])
    body = await poll_to_end(client, job, every)
    if body["status"] == "FAILED":
        return str(body["error"])
    response = await client.get(output_url(body))
    assert response.status_code == 200
    return response.content


def test_every_sound_picture_gives_a_sheet() -> None:
    async def run() -> None:
        pictures = every_picture()
        async with connect(Emulator(duration=0)) as client:
            for (name, reference), (_, scene) in zip(pictures[::2], pictures[1::2], strict=False):
                result = await swapped(client, reference, scene, 1.0)
                assert isinstance(result, bytes), f"{name}: {result}"
                assert figures.decoded(result).width == 1280

    anyio.run(run)  # One loop is enough: the pictures are the point.


@pytest.mark.real_time
def test_rare_pictures_give_previews_over_a_real_connection() -> None:
    character = figures.encoded(figures.cut_out())
    turned = figures.scene().transpose(Image.Transpose.ROTATE_90)
    exif = b"Exif\0\0" + odd_pictures.ODD_RATIONAL
    odd = figures.encoded(turned, "JPEG", quality=92, exif=exif)

    async def run(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, headers=KEY, timeout=120) as client:
            result = await swapped(client, character, odd, 0.05)
            assert isinstance(result, bytes), result
            found = figures.decoded(result)
            assert (found.mode, found.size) == ("RGB", figures.scene().size), "upright"
            assert "local preview" in found.info["Comment"]
            for name, data in (("junk", b"no picture"), ("cut", odd[:-500])):
                assert "Input image could not be" in str(await swapped(client, character, data, 0.05)), name

    with Emulator(duration=0, engine="preview").serve() as url:
        anyio.run(run, url)


def test_a_preview_of_a_cmyk_scene_has_its_colours_and_no_profile_of_cmyk() -> None:
    scene = figures.scene("CMYK")
    profile = odd_pictures.profiles()["cmyk"]
    made = figures.decoded(
        swap(
            figures.encoded(figures.cut_out()),
            figures.encoded(scene, "JPEG", quality=95, icc_profile=profile),
        )
    )
    assert (made.mode, made.size, "icc_profile" in made.info) == ("RGB", scene.size, False)
    for corner in ((5, 5), (470, 5), (5, 350)):
        found, wanted = made.getpixel(corner), figures.scene().getpixel(corner)
        assert isinstance(found, tuple)
        assert isinstance(wanted, tuple)
        assert all(abs(a - b) < 12 for a, b in zip(found, wanted, strict=True))
