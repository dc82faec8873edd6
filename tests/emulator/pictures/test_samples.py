"""The pictures of a job whose submit names none."""

from segmind_swap.emulator._pictures.input_check import input_problem
from segmind_swap.emulator._pictures.samples import samples

from ..figures import decoded


def test_the_samples_are_a_character_and_a_scene_that_a_job_can_use() -> None:
    character, scene = samples()
    assert (decoded(character).size, decoded(scene).size) == ((512, 640), (768, 576))
    assert (input_problem(character), input_problem(scene)) == ("", "")


def test_the_samples_are_drawn_once() -> None:
    assert samples() is samples()
