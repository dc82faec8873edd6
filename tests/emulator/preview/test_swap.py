"""The local preview swaps one character for another, and touches nothing else."""

import functools
import subprocess
import sys

import pytest
from PIL import Image

from segmind_swap.emulator.preview._swap import NoCharacter, swap

from ...emulator import figures
from ..figures import BLUE, RED, changed, count, decoded, encoded, inside


@functools.cache
def swapped() -> bytes:
    """The one in blue in the place of the one in red; made once, because it takes a second or two."""
    return swap(encoded(figures.character()), encoded(figures.scene()))


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


def test_a_scene_with_a_transparent_edge_keeps_it() -> None:
    scene = figures.scene("RGBA")
    scene.paste((0, 0, 0, 0), (0, 0, 480, 12))
    result = decoded(swap(encoded(figures.cut_out()), encoded(scene), ribbon=False))
    assert inside(changed(scene, result), figures.box())
    assert result.getpixel((3, 3)) == (0, 0, 0, 0)
    assert count(result, RED) == 0


@pytest.mark.parametrize(("reference", "scene"), [(False, True), (True, False)])
def test_without_a_character_there_is_no_swap(reference: bool, scene: bool) -> None:
    flat = encoded(Image.new("RGB", (200, 200), "teal"))
    with pytest.raises(NoCharacter, match="in the scene" if reference else "in the reference image"):
        swap(
            encoded(figures.cut_out()) if reference else flat,
            encoded(figures.scene()) if scene else flat,
        )


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
