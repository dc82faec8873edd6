"""The new character moves towards the light of the scene, within bounds."""

import numpy as np
import numpy.typing as npt

from segmind_swap.emulator.preview._editing.relight import relight


def flat(*colour: float) -> npt.NDArray[np.float32]:
    noise = np.random.default_rng(1).random((40, 40, 1), np.float32) * np.float32(0.02)
    return (np.full((40, 40, 3), colour, np.float32) + noise).astype(np.float32)


ALL = np.ones((40, 40), np.bool_)
SOLID = np.ones((40, 40), np.float32)


def test_a_dark_scene_makes_the_character_darker_but_not_as_dark() -> None:
    before, scene = flat(0.8, 0.3, 0.3), flat(0.2, 0.2, 0.25)
    after = relight(before, SOLID, scene, ALL)
    assert scene.mean() < after.mean() < before.mean()
    assert after[..., 0].mean() > after[..., 1].mean() + 0.2, "the coat is still red"


def test_in_a_grey_scene_the_character_is_grey() -> None:
    after = relight(flat(0.8, 0.3, 0.3), SOLID, flat(0.5, 0.5, 0.5), ALL)
    assert float((after.max(axis=-1) - after.min(axis=-1)).max()) < 0.02


def test_a_character_in_its_own_light_stays_as_it_is() -> None:
    before = flat(0.6, 0.4, 0.2)
    assert np.allclose(relight(before, SOLID, before, ALL), before, atol=0.01)
