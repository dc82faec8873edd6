"""What a folder passes over is told by kind, with counts and the first names."""

import pytest

from segmind_swap.cli._scenes.passed_over import PassedOver, PassedOverKind, listed, passed_over_text

K = PassedOverKind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("IMG_1.HEIC", K.OTHER_FORMAT),
        ("film.mov", K.OTHER_FORMAT),
        ("day1/a.tif", K.OTHER_FORMAT),
        ("notes.txt", K.OTHER),
        ("no suffix", K.OTHER),
        ("album.png/", K.FOLDER),
    ],
)
def test_the_name_says_the_kind(name: str, kind: PassedOverKind) -> None:
    assert PassedOver.of_name(name).kind is kind


def test_each_kind_is_counted_and_what_a_person_may_miss_comes_first() -> None:
    passed = [
        *(PassedOver(f"{number}.txt") for number in range(2)),
        PassedOver("a.png", "a result of an earlier run", K.RESULT),
        PassedOver("hero.png", "the reference", K.REFERENCE),
        PassedOver("old/", kind=K.RESULTS),
        *(PassedOver.of_name(f"day{number}/") for number in range(5)),
        PassedOver("broken.png", "a broken link", K.UNREADABLE),
        PassedOver.of_name("a.heic"),
    ]
    assert passed_over_text(passed) == (
        "12 passed over: 1 picture in another format (a.heic); 1 file that cannot be read (broken.png: a"
        " broken link); 5 folders (day0/, day1/, day2/ and 2 more); 1 folder of results (old/); 1 file with"
        " the reference (hero.png); 1 result of an earlier run (a.png); 2 other files (0.txt, 1.txt)"
    )


def test_folders_have_a_hint_only_where_they_could_be_read() -> None:
    folder = [PassedOver.of_name("sub/")]
    assert passed_over_text(folder, can_recurse=True).endswith("1 folder (sub/). --recursive reads folders")
    assert "--recursive" not in passed_over_text(folder)
    assert "--recursive" not in passed_over_text([PassedOver.of_name("a.heic")], can_recurse=True)
    linked = [PassedOver("up/", "a link", K.FOLDER)]
    assert passed_over_text(linked) == "1 passed over: 1 folder (up/: a link)"


def test_a_list_ends_with_the_number_of_those_that_it_leaves_out() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c"], 1) == "a and 2 more"
