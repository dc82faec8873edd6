"""The local preview: it swaps one character for another, and touches nothing else."""

import functools
import subprocess
import sys
import threading
from typing import Any

import anyio
import httpx
import pytest
from PIL import Image, ImageChops, ImageOps

from segmind_swap.emulator import Emulator, Picture
from segmind_swap.emulator.preview import Preview
from segmind_swap.emulator.preview._swap import NoCharacter, swap

from . import figures
from .calling import KEY, WORKFLOW, connect, poll_url, upload
from .figures import BLUE, RED, count, decoded, encoded


@functools.cache
def swapped() -> bytes:
    """The one in blue in the place of the one in red; made once, because it takes a second or two."""
    return swap(encoded(figures.character()), encoded(figures.scene()))


def changed(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    """The box of the pixels which differ."""
    assert before.size == after.size
    assert before.mode == after.mode
    difference = ImageChops.difference(before, after)
    boxes = [band.getbbox() for band in difference.split()]
    found = [box for box in boxes if box]
    assert found, "nothing was changed"
    left, top, right, bottom = zip(*found, strict=True)
    return min(left), min(top), max(right), max(bottom)


def inside(inner: tuple[int, ...], outer: tuple[int, ...]) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def test_the_old_character_is_gone_and_the_new_one_stands_there() -> None:
    scene, result = figures.scene(), decoded(swapped())
    assert count(scene, RED) > 5000
    assert count(scene, BLUE) == 0
    assert count(result, RED) == 0
    assert count(result, BLUE) > 5000
    middle = result.crop(figures.box())
    assert count(middle, BLUE) == count(result, BLUE)


def test_the_same_inputs_give_the_same_bytes_in_one_process() -> None:
    assert swap(encoded(figures.character()), encoded(figures.scene())) == swapped()


def test_only_the_character_s_surroundings_and_the_ribbon_s_corner_are_edited() -> None:
    scene, result = figures.scene(), decoded(swapped())
    width, height = scene.size
    corner = (width - 110, height - 30, width, height)
    for picture in (scene, result):
        picture.paste((0, 0, 0), corner)
    assert inside(changed(scene, result), figures.box())


def test_a_picture_says_that_it_is_a_local_preview() -> None:
    text = decoded(swapped()).info
    assert "local preview" in text["Comment"]
    assert "not made by Segmind" in text["Comment"]


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


def test_a_scene_with_a_transparent_edge_keeps_it() -> None:
    scene = figures.scene("RGBA")
    scene.paste((0, 0, 0, 0), (0, 0, 480, 12))
    result = decoded(swap(encoded(figures.cut_out()), encoded(scene), ribbon=False))
    assert inside(changed(scene, result), figures.box())
    assert result.getpixel((3, 3)) == (0, 0, 0, 0)
    assert count(result, RED) == 0


@pytest.mark.parametrize("mode", ["P", "1", "I;16", "LA", "CMYK"])
def test_a_rarer_kind_of_picture_is_read(mode: str) -> None:
    from segmind_swap.emulator.preview._input import load, opaque

    if mode == "I;16":
        picture = Image.new("I;16", (40, 30), 0x9900)
    else:
        picture = Image.new("RGB", (40, 30), (153, 153, 153)).convert(mode)
    loaded = load(encoded(picture, "JPEG" if mode == "CMYK" else "PNG"))
    assert loaded.mode in {"L", "LA", "RGB", "RGBA"}
    assert loaded.size == (40, 30)
    if mode != "1":
        assert all(abs(value - 153) <= 3 for value in opaque(loaded).getpixel((20, 15)))  # type: ignore[union-attr]


@pytest.mark.parametrize(("reference", "scene"), [(False, True), (True, False)])
def test_without_a_character_there_is_no_swap(reference: bool, scene: bool) -> None:
    flat = encoded(Image.new("RGB", (200, 200), "teal"))
    with pytest.raises(NoCharacter, match="in the scene" if reference else "in the reference image"):
        swap(
            encoded(figures.cut_out()) if reference else flat,
            encoded(figures.scene()) if scene else flat,
        )


async def result_of(client: httpx.AsyncClient, url: str, every: float = 7.0) -> dict[str, Any]:
    for _ in range(1000):
        body: dict[str, Any] = (await client.get(url)).json()
        if body["status"] not in {"QUEUED", "PROCESSING"}:
            return body
        await anyio.sleep(every)
    raise AssertionError("the job did not end")


async def test_a_job_is_done_when_its_preview_is_and_its_answer_says_what_it_is() -> None:
    async with connect(Emulator(engine="preview")) as client:
        pictures = await upload(client, encoded(figures.cut_out()), encoded(figures.scene()))
        started = anyio.current_time()
        url = await poll_url(client, reference_character_image=pictures[0], character_image=pictures[1])
        body = await result_of(client, url)
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
        body = await result_of(client, url)
        assert body == {"status": "FAILED", "error": "No character was found in the reference image"}


async def test_pictures_that_are_elsewhere_are_not_fetched_and_give_the_sheet() -> None:
    async with connect(Emulator(engine="preview")) as client:
        url = await poll_url(client)
        body = await result_of(client, url)
        assert body["status"] == "COMPLETED"
        assert "engine" not in body
        picture = decoded((await client.get(f"/files/{url.rpartition('/')[2]}.png")).content)
        assert "no swap was made" in picture.info["Comment"]


async def test_a_hundred_megapixels_end_failed_with_the_reason() -> None:
    async with connect(Emulator(engine="preview")) as client:
        huge = encoded(Image.new("1", (10_000, 10_000)))
        pictures = await upload(client, huge, encoded(figures.scene()))
        url = await poll_url(client, reference_character_image=pictures[1], character_image=pictures[0])
        body = await result_of(client, url)
        assert body["status"] == "FAILED"
        assert "too many" in body["error"]


@pytest.mark.real_time
async def test_a_server_answers_while_an_engine_is_at_work(loop: str) -> None:
    working, done = threading.Event(), threading.Event()

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        working.set()
        await anyio.to_thread.run_sync(done.wait)
        return b"a picture"

    with Emulator(engine=engine, duration=0).serve() as base:
        async with httpx.AsyncClient(base_url=base, headers=KEY) as client:
            body = {
                "reference_character_image": "https://a.test/1.png",
                "character_image": "https://a.test/2",
            }
            urls = [(await client.post(WORKFLOW, json=body)).json()["poll_url"] for _ in range(2)]
            try:
                assert (await client.get(urls[0])).json()["status"] == "PROCESSING"
                assert working.is_set()
                assert (await client.get(urls[0])).json()["status"] == "PROCESSING"
                # Another job has to wait for the engine.
                assert (await client.get(urls[1])).json()["status"] == "PROCESSING"
                assert (await client.get("/v1/get-user-credits")).status_code == 200
            finally:
                done.set()
            for url in urls:
                body = await result_of(client, url, every=0.02)
                assert body["status"] == "COMPLETED"


PEAK = """
import sys
from PIL import Image
from segmind_swap.emulator._pictures.input_check import input_problem
from segmind_swap.emulator.preview._swap import swap
megapixels, reference, scene = sys.argv[1:]
data = open(scene, "rb").read()
problem = input_problem(data)
if not problem:
    swap(open(reference, "rb").read(), data)
# Not `getrusage`: its peak is that of the process that started this one, if that was larger.
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak) // 1024, problem)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("size", "limit_mb", "problem"),
    [((4000, 3000), 700, ""), ((10_000, 10_000), 250, "too many")],
    ids=["12 megapixels", "100 megapixels"],
)
def test_memory_is_bounded(
    size: tuple[int, int], limit_mb: int, problem: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("peak")
    (folder / "reference.png").write_bytes(encoded(figures.cut_out()))
    drawn = figures.scene().resize((1000, 750)).resize(size, Image.Resampling.NEAREST)
    (folder / "scene.jpg").write_bytes(encoded(drawn, "JPEG"))
    arguments = [str(size), str(folder / "reference.png"), str(folder / "scene.jpg")]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True
    )
    peak_mb, _, told = done.stdout.partition(" ")
    assert problem in told
    assert bool(problem) == bool(told.strip())
    assert int(peak_mb) < limit_mb


def test_without_its_packages_it_says_what_to_install_and_the_command_line_does_without() -> None:
    program = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from segmind_swap.cli._engine import best_engine\n"
        "print(best_engine())\n"
        "from segmind_swap.emulator import Emulator\n"
        "try:\n    Emulator(engine='preview')\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    engine, told = done.stdout.splitlines()
    assert engine == "sheet"
    assert "segmind-swap[preview]" in told
