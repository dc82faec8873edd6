"""Results of earlier runs are known by their journals; the rest is tested with whole folders of scenes."""

from pathlib import Path

from segmind_swap.cli._scenes.earlier_results import EarlierSwap, results_beside_scenes

OUT = Path("/gone/scenes")


def swap(id: str, scene: str, result: str | None = None, *, is_done: bool = True) -> EarlierSwap:
    names = (result,) if result else tuple(f"{id}{suffix}" for suffix in (".png", ".jpg"))
    return EarlierSwap(
        id=id,
        scene=OUT / scene,
        result=None if result is None else OUT / result,
        names=names if is_done else (),
        has_journal_here=True,
    )


def test_results_of_scenes_in_folders_below_are_results_of_the_folder_above(tmp_path: Path) -> None:
    swaps = [swap("a", "a.jpg", "a.png"), swap("day1__b", "day1/b.png", "day1__b.png")]
    assert results_beside_scenes(tmp_path, swaps) == {"a.png", "day1__b.png"}


def test_a_scene_below_with_the_name_of_a_result_does_not_make_the_result_a_scene(tmp_path: Path) -> None:
    swaps = [
        swap("a", "a.jpg", "a.png"),
        swap("day1__a", "day1/a.png", "day1__a.png"),
        swap("day2__a", "day2/a.png", is_done=False),
    ]
    assert results_beside_scenes(tmp_path, swaps) == {"a.png", "day1__a.png"}


def test_a_result_that_was_perhaps_saved_before_a_crash_is_no_scene_but_its_own_scene_is(
    tmp_path: Path,
) -> None:
    assert results_beside_scenes(tmp_path, [swap("a", "a.jpg")]) == {"a.png"}


def test_results_saved_elsewhere_can_be_scenes(tmp_path: Path) -> None:
    elsewhere = EarlierSwap("a", OUT / "a.jpg", Path("/gone/out/a.png"), ("a.png",), has_journal_here=True)
    assert results_beside_scenes(tmp_path, [elsewhere]) == frozenset()
