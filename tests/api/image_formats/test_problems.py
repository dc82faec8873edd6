"""Why bytes cannot be used as an image."""

from segmind_swap._api.image_formats.problems import UnusableImageError, cut_short, damaged


def test_the_problem_stands_before_the_advice_and_can_be_told_alone() -> None:
    error = UnusableImageError("it is a GIF", "save it as PNG")
    assert (str(error), error.problem, error.advice) == (
        "it is a GIF: save it as PNG",
        "it is a GIF",
        "save it as PNG",
    )
    assert str(UnusableImageError("it is empty")) == "it is empty"


def test_only_an_image_without_its_end_is_cut_short() -> None:
    assert cut_short("PNG").is_cut_short
    assert not damaged("PNG", "it has no pixels").is_cut_short
    assert str(cut_short("PNG")) == "it is a PNG that is cut short: copy or download the picture again"
    assert str(damaged("PNG", "it has no pixels")).startswith("it is a damaged PNG: it has no pixels: open ")
