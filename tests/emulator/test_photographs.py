"""Previews of photographs, which come inside packages that nothing else here needs: `nox -s photographs`."""

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from segmind_swap.emulator.preview._swap import swap

from .figures import decoded

PLACES = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "camera": ("skimage", "data/camera.png"),
    "hopper": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}


def photograph(name: str) -> bytes:
    """The file; the package is not imported, which would need more packages."""
    package, path = PLACES[name]
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{package}, which brings the photograph, is not installed")
    return (Path(found.submodule_search_locations[0]) / path).read_bytes()


@pytest.mark.parametrize(
    ("reference", "scene"),
    [("hopper", "astronaut"), ("astronaut", "hopper"), ("astronaut", "camera"), ("camera", "astronaut")],
)
def test_one_photographed_person_takes_the_place_of_another(
    reference: str, scene: str, tmp_path: Path
) -> None:
    before = decoded(photograph(scene))
    after = decoded(swap(photograph(reference), photograph(scene)))
    after.save(tmp_path / f"{reference}-in-{scene}.png")
    assert after.size == before.size
    assert after.mode == before.mode
    width, height = before.size
    # The upper corners are sky or wall in each of them, and the middle is the person.
    for corner in ((0, 0, width // 12, height // 30), (width - width // 12, 0, width, height // 30)):
        assert after.crop(corner).tobytes() == before.crop(corner).tobytes()
    middle = (width // 4, height // 3, width * 3 // 4, height)
    assert difference(before.crop(middle), after.crop(middle)) > 25


def difference(first: Image.Image, second: Image.Image) -> float:
    """The mean absolute difference in brightness."""
    pairs = zip(first.convert("L").tobytes(), second.convert("L").tobytes(), strict=True)
    return sum(abs(a - b) for a, b in pairs) / (first.width * first.height)
