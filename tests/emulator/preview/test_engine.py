"""The preview as the engine of an emulator."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from PIL import Image, ImageOps

from segmind_swap.emulator import Emulator, Picture
from segmind_swap.emulator.preview import Preview
from segmind_swap.emulator.preview._swap import NoCharacter, swap

from ...emulator import figures
from ..calling import (
    connect,
    poll_to_end,
    poll_url,
    upload,
)
from ..figures import BLUE, RED, changed, count, decoded, encoded, inside


@pytest.mark.real_time
def test_a_grey_photograph_stays_grey_and_upright_and_its_corner_is_its_own_without_ribbon() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(figures.scene("L").transpose(Image.Transpose.ROTATE_90), "JPEG", quality=92, exif=exif)
    upright = ImageOps.exif_transpose(decoded(data))
    assert (upright.mode, upright.size) == ("L", (480, 360))
    engine = Preview(ribbon=False)
    character, scene = Picture(url="", data=encoded(figures.cut_out())), Picture(url="", data=data)
    made = decoded(anyio.run(functools.partial(engine, reference=character, scene=scene)))
    assert inside(changed(upright, made), figures.box())
    assert "local preview" in made.info["Comment"]
    assert engine.label == "local preview"


async def test_a_job_is_done_when_its_preview_is_and_its_answer_says_what_it_is() -> None:
    async with connect(Emulator(engine="preview")) as client:
        pictures = await upload(client, encoded(figures.cut_out()), encoded(figures.scene()))
        started = anyio.current_time()
        url = await poll_url(client, reference_character_image=pictures[0], character_image=pictures[1])
        body = await poll_to_end(client, url)
        assert anyio.current_time() - started >= 71.89
        assert body["engine"] == "local preview"
        picture = decoded((await client.get(f"/files/{url.rpartition('/')[2]}.png")).content)
        assert count(picture, RED) == 0
        assert count(picture, BLUE) > 5000


async def test_a_flat_picture_ends_failed_with_the_reason() -> None:
    async with connect(Emulator(engine="preview")) as client:
        flat = encoded(Image.new("RGB", (64, 64), "teal"))
        pictures = await upload(client, flat, encoded(figures.scene()))
        url = await poll_url(client, reference_character_image=pictures[0], character_image=pictures[1])
        body = await poll_to_end(client, url)
        reason = "No character was found in the reference image by the emulator's local preview"
        assert body == {"status": "FAILED", "error": reason}


async def test_a_flat_picture_may_give_the_sheet_which_says_why() -> None:
    async with connect(Emulator(engine="preview", impossible="sheet")) as client:
        flat = encoded(Image.new("RGB", (64, 64), "teal"))
        pictures = await upload(client, flat, encoded(figures.scene()))
        url = await poll_url(client, reference_character_image=pictures[0], character_image=pictures[1])
        body = await poll_to_end(client, url)
        assert (body["status"], "engine" in body) == ("COMPLETED", False)
        picture = decoded((await client.get(f"/files/{url.rpartition('/')[2]}.png")).content)
        assert "no swap was made" in picture.info["Comment"]


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA"])
def test_a_scene_in_which_all_stands_out_is_impossible_and_no_mistake(mode: str) -> None:
    scene = encoded(figures.cut_out().resize((8, 8)).convert(mode))
    try:
        swap(encoded(figures.cut_out()), scene)
    except NoCharacter as impossible:
        assert "by the emulator's local preview" in str(impossible)


async def test_pictures_that_are_elsewhere_are_not_fetched_and_give_the_sheet() -> None:
    async with connect(Emulator(engine="preview")) as client:
        url = await poll_url(client)
        body = await poll_to_end(client, url)
        assert body["status"] == "COMPLETED"
        assert "engine" not in body
        picture = decoded((await client.get(f"/files/{url.rpartition('/')[2]}.png")).content)
        assert "no swap was made" in picture.info["Comment"]


async def test_a_hundred_megapixels_end_failed_with_the_reason() -> None:
    async with connect(Emulator(engine="preview")) as client:
        huge = encoded(Image.new("1", (10_000, 10_000)))
        pictures = await upload(client, huge, encoded(figures.scene()))
        url = await poll_url(client, reference_character_image=pictures[1], character_image=pictures[0])
        body = await poll_to_end(client, url)
        assert body["status"] == "FAILED"
        assert "too many" in body["error"]


def test_without_its_packages_it_says_what_to_install_and_the_command_line_does_without() -> None:
    program = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from segmind_swap.cli._emulator_engine import best_engine\n"
        "print(best_engine())\n"
        "from segmind_swap.emulator import Emulator\n"
        "try:\n    Emulator(engine='preview')\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    engine, told = done.stdout.splitlines()
    assert engine == "sheet"
    assert "segmind-swap[preview]" in told


def test_no_package_of_the_preview_keeps_anything_in_the_users_home(tmp_path: Path) -> None:
    program = (
        "from segmind_swap.emulator import preview\n"
        "from segmind_swap.emulator.preview._detection.saliency import _network\n"
        "_network()"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": "", "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", program], env=home, check=True)
    assert list(tmp_path.iterdir()) == []
