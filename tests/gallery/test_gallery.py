"""The bundled pictures: their sizes, that the programs still draw them, and that no two are alike."""

import importlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image, ImageChops, ImageStat

from segmind_swap import gallery
from segmind_swap.gallery import CHARACTERS, PAIRS, SCENES, path

NAMES = (*CHARACTERS, *SCENES)
DOCS = Path(__file__).parents[2] / "docs"

# The compression of the files is lossy. The largest measured mean differences from a drawing, from 0 to 255,
# are 1.6 for a whole picture and 4 for a square of 16 x 16 pixels. Lossy compression keeps the mean of a
# square; a moved detail changes the mean.
WHOLE = 2.0
SQUARE = 6


@pytest.fixture(scope="module")
def pictures() -> dict[str, Image.Image]:
    found: dict[str, Image.Image] = {}
    for name in NAMES:
        with Image.open(path(name)) as picture:
            picture.load()
            found[name] = picture
    return found


@pytest.fixture(scope="module")
def drawings() -> Iterator[ModuleType]:
    """The programs that draw, which are no part of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        yield importlib.import_module("drawings")


def difference(first: Image.Image, second: Image.Image) -> float:
    """The mean absolute difference of two pictures, from 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / 3


def largest_difference(first: Image.Image, second: Image.Image) -> int:
    """The largest difference of two squares of 16 x 16 pixels, in one colour."""
    return max(ImageChops.difference(first.reduce(16), second.reduce(16)).tobytes())


def test_there_are_enough_and_their_names_are_plain_words() -> None:
    assert len(CHARACTERS) >= 6
    assert len(SCENES) >= 6
    assert len(set(NAMES)) == len(NAMES)
    assert all(name.isascii() and name.isalpha() and name.islower() for name in NAMES)


def test_pairs_use_each_name_once() -> None:
    assert len(PAIRS) >= 6
    used = list(itertools.chain(*PAIRS))
    assert len(set(used)) == len(used)
    assert {character for character, _ in PAIRS} <= set(CHARACTERS)
    assert {scene for _, scene in PAIRS} <= set(SCENES)


@pytest.mark.parametrize("name", NAMES)
def test_size_mode_and_format(name: str, pictures: dict[str, Image.Image]) -> None:
    picture = pictures[name]
    assert (picture.mode, picture.format) == ("RGB", "WEBP")
    assert picture.size == ((768, 960) if name in CHARACTERS else (1152, 768))


@pytest.mark.parametrize("name", NAMES)
def test_is_a_picture_and_not_a_plain_field(name: str, pictures: dict[str, Image.Image]) -> None:
    small = pictures[name].convert("L").resize((64, 64))
    assert ImageStat.Stat(small).stddev[0] > 20


def test_each_looks_different(pictures: dict[str, Image.Image]) -> None:
    small = {name: picture.resize((120, 120)) for name, picture in pictures.items()}
    for one, other in itertools.combinations(NAMES, 2):
        assert difference(small[one], small[other]) > 25, (one, other)


def test_the_folder_of_the_gallery_has_one_file_for_each_name_and_all_are_small() -> None:
    files = list(Path(gallery.__file__).parent.glob("*.webp"))
    assert sorted(files) == sorted(path(name) for name in NAMES)
    assert sum(file.stat().st_size for file in files) < 1_200_000


@pytest.mark.parametrize("name", ["", "Knight", "knights", "../knight", "knight.webp"])
def test_an_unknown_name_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match="there is no picture called") as caught:
        path(name)
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in NAMES)


def test_the_gallery_loads_neither_pillow_nor_anything_of_the_client() -> None:
    code = (
        "import sys, segmind_swap; before = set(sys.modules)\n"
        "import segmind_swap.gallery as gallery; gallery.path('knight')\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("segmind_swap")} == {"segmind_swap.gallery"}
    assert {name.partition(".")[0] for name in loaded} <= sys.stdlib_module_names | {"segmind_swap"}


# The programs that draw


def test_there_is_a_program_for_each_picture(drawings: ModuleType) -> None:
    assert tuple(drawings.PICTURES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_program_still_draws_the_shipped_picture(
    name: str, pictures: dict[str, Image.Image], drawings: ModuleType
) -> None:
    drawn = drawings.draw(name)
    assert (drawn.mode, drawn.size) == (pictures[name].mode, pictures[name].size)
    assert difference(drawn, pictures[name]) < WHOLE
    assert largest_difference(drawn, pictures[name]) < SQUARE


def test_a_small_change_of_a_picture_is_noticed(pictures: dict[str, Image.Image]) -> None:
    """The knight without an eye: less than a thousandth of the picture."""
    changed = pictures["knight"].copy()
    changed.paste((243, 190, 154), (340, 335, 362, 365))
    assert largest_difference(changed, pictures["knight"]) > SQUARE


@pytest.mark.parametrize("name", NAMES[::3])
def test_drawn_again_it_is_the_same(name: str, drawings: ModuleType) -> None:
    assert drawings.draw(name).tobytes() == drawings.draw(name).tobytes()


def test_the_command_writes_the_files_that_are_named(tmp_path: Path) -> None:
    def drawings(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "drawings", *arguments]
        env = {**os.environ, "PYTHONPATH": str(DOCS)}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    done = drawings("robot", "--to", str(tmp_path / "new"))
    assert (done.returncode, done.stderr) == (0, "")
    (written,) = (tmp_path / "new").iterdir()
    assert str(written) in done.stdout
    with Image.open(written) as new, Image.open(path("robot")) as shipped:
        assert (new.format, new.size) == ("WEBP", shipped.size)
        assert difference(new, shipped) < WHOLE
    refused = drawings("robot", "rabbit", "--to", str(tmp_path / "none"))
    assert refused.returncode == 2
    assert "no picture is called rabbit; known: knight" in refused.stderr
    assert not (tmp_path / "none").exists()
