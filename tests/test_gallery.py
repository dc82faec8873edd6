"""The bundled pictures: their sizes, that they never change, and that nobody mistakes one for another."""

import ast
import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from segmind_swap import gallery
from segmind_swap.gallery import CHARACTERS, PAIRS, SCENES, draw

NAMES = (*CHARACTERS, *SCENES)


@pytest.fixture(scope="module")
def pictures() -> dict[str, Image.Image]:
    return {name: draw(name) for name in NAMES}


def difference(first: Image.Image, second: Image.Image) -> float:
    """The mean absolute difference of two pictures, from 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean) / 3


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
def test_size_and_mode(name: str, pictures: dict[str, Image.Image]) -> None:
    picture = pictures[name]
    assert picture.mode == "RGB"
    assert picture.size == ((768, 960) if name in CHARACTERS else (1152, 768))


@pytest.mark.parametrize("name", NAMES)
def test_is_a_picture_and_not_a_plain_field(name: str, pictures: dict[str, Image.Image]) -> None:
    small = pictures[name].convert("L").resize((64, 64))
    assert ImageStat.Stat(small).stddev[0] > 20


def test_the_same_again(pictures: dict[str, Image.Image]) -> None:
    for name in NAMES[::3]:
        assert draw(name).tobytes() == pictures[name].tobytes(), name


def test_each_looks_different(pictures: dict[str, Image.Image]) -> None:
    small = {name: picture.resize((120, 120)) for name, picture in pictures.items()}
    for one, other in itertools.combinations(NAMES, 2):
        assert difference(small[one], small[other]) > 25, (one, other)


@pytest.mark.parametrize("name", ["", "Knight", "knights", "../knight"])
def test_an_unknown_name_is_told_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match="there is no picture called") as caught:
        draw(name)
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in NAMES)


def test_stands_alone() -> None:
    """Nothing but the standard library, Pillow and itself."""
    root = Path(gallery.__file__).parent
    for file in root.rglob("*.py"):
        depth = len(file.relative_to(root).parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level <= depth, file
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] in sys.stdlib_module_names | {"PIL"}, file
            elif isinstance(node, ast.Import):
                tops = {alias.name.partition(".")[0] for alias in node.names}
                assert tops <= sys.stdlib_module_names | {"PIL"}, file


def test_without_pillow_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "try:\n    import segmind_swap.gallery\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "segmind-swap[emulator]" in done.stdout
