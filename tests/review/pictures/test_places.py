"""Where files are: at home, among the earlier versions, discarded, or in a folder that was moved."""

from pathlib import Path

import pytest

from segmind_swap import discarded_path
from segmind_swap._review.pictures.picture import SavedVersion
from segmind_swap._review.pictures.places import Places

from ...support.journal_rows import a_job


def saved(path: Path, version: int = 1) -> SavedVersion:
    return SavedVersion(
        id="a",
        version=version,
        path=path,
        reference="hero.png",
        scene="street.png",
        job=a_job(),
        price_usd=0.15,
        is_price_reported=False,
    )


@pytest.mark.parametrize(
    ("recorded", "version", "home", "discarded"),
    [
        ("a.png", 1, "a.png", "discarded/a.1.png"),
        ("a.png", 3, "a.png", "discarded/a.3.png"),
        ("versions/a.1.png", 1, "versions/a.1.png", "discarded/a.1.png"),
        ("v1.2.webp", 2, "v1.2.webp", "discarded/v1.2.2.webp"),
    ],
)
def test_each_version_has_a_home_and_a_place_of_its_own_while_it_is_discarded(
    tmp_path: Path, recorded: str, version: int, home: str, discarded: str
) -> None:
    places = Places(tmp_path)
    version_of = saved(Path("/elsewhere") / recorded, version)
    assert places.home(version_of) == tmp_path / home
    assert places.discarded(version_of) == tmp_path / discarded


def test_a_picture_is_found_at_home_first_then_where_it_was_saved_then_discarded(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    for place in (folder / "discarded", elsewhere):
        place.mkdir(parents=True)
    found = [folder / "discarded" / "a.1.png", elsewhere / "a.png", folder / "a.png"]
    places = Places(folder)
    assert places.picture(saved(elsewhere / "a.png")) is None
    for path in found:
        path.touch()
        assert places.picture(saved(elsewhere / "a.png")) == path


def test_an_input_is_looked_for_beside_the_folder_as_it_is_now(tmp_path: Path) -> None:
    (tmp_path / "now" / "scenes").mkdir(parents=True)
    scene = tmp_path / "now" / "scenes" / "s.png"
    scene.touch()
    places = Places(tmp_path / "now" / "out")
    before = saved(Path("/before/out/a.png"))
    assert places.input("/before/scenes/s.png", before) == str(scene)
    assert places.input("/before/scenes/s.png", saved(Path("/before/out/versions/a.1.png"))) == str(scene)
    for other in ("/before/scenes/gone.png", "https://cdn.example/s.png", "<bytes>", "a\0b"):
        assert places.input(other, before) == other
    assert places.input(str(scene), before) == str(scene)


def test_anybody_can_say_where_a_discarded_picture_is() -> None:
    assert discarded_path(Path("out/a.png"), 2) == Path("out/discarded/a.2.png")
