"""Hints about the inputs: copies of each other and of the journal's swaps, flat and unknown pictures."""

from collections.abc import Mapping

from segmind_swap import CopyHint, Journal, PictureHint
from segmind_swap._batch.checks.hints import CheckedInput, copies_of, flat_pictures, undecoded_pictures
from segmind_swap._batch.checks.pictures import CheckedPicture
from segmind_swap._protocols.looks import PictureLook

from ...support.batches import client_of, emulator, run, swap_of, swaps_of


class Looks:
    """Pictures are near copies if their names begin with the same letter."""

    def look(self, data: bytes) -> PictureLook:
        raise NotImplementedError

    def near_copies(self, looks: Mapping[str, PictureLook]) -> Mapping[str, str]:
        first: dict[str, str] = {}
        return {key: first[key[0]] for key in looks if first.setdefault(key[0], key) != key}


def an_input(index: int, reference: str, scene: str) -> CheckedInput:
    pictures = CheckedPicture(f"{reference}.png", reference), CheckedPicture(f"{scene}.png", scene)
    return CheckedInput(index=index, id=f"s{index}", pictures=pictures)


def a_copy(index: int, of: int, *, is_identical: bool) -> CopyHint:
    return CopyHint(index=index, id=f"s{index}", original_id=f"s{of}", is_identical=is_identical)


SEEN = {name: PictureLook() for name in ("hero", "h2", "villain", "a", "a2", "b")}


async def test_identical_and_near_copies_are_those_of_both_pictures() -> None:
    inputs = [
        an_input(0, "hero", "a"),
        an_input(1, "hero", "b"),
        an_input(2, "hero", "a"),
        an_input(3, "hero", "a2"),
        an_input(4, "h2", "b"),
        an_input(5, "villain", "a"),
        an_input(6, "villain", "b"),
    ]
    assert await copies_of(inputs, None, Looks(), SEEN) == [
        a_copy(2, 0, is_identical=True),
        a_copy(3, 0, is_identical=False),
        a_copy(4, 1, is_identical=False),
    ]


async def test_the_first_copy_is_that_of_the_first_input_in_whatever_order_pictures_were_decoded() -> None:
    inputs = [an_input(0, "hero", "a2"), an_input(1, "hero", "a")]
    assert await copies_of(inputs, None, Looks(), SEEN) == [a_copy(1, 0, is_identical=False)]


async def test_without_a_decoder_identical_copies_are_still_found() -> None:
    inputs = [an_input(0, "hero", "a"), an_input(1, "hero", "a2"), an_input(2, "hero", "a")]
    assert await copies_of(inputs, None, None, {}) == [a_copy(2, 0, is_identical=True)]


async def test_a_swap_of_the_journal_is_an_original_too() -> None:
    service, journal = emulator(), Journal(":memory:")
    await run(service, swaps_of(1), {"journal": journal})
    copy = swap_of(1, character_image="https://pictures.example/0.png")
    async with client_of(service) as client:
        found = await client.check([*swaps_of(1), copy], journal=journal)
        assert found.copies == (a_copy(1, 0, is_identical=True),), "and a swap is no copy of itself"
        await client.swap_all([copy], journal=journal, once_per_picture=True)
        third = swap_of(2, character_image="https://pictures.example/0.png")
        assert (await client.check([third], journal=journal)).copies == (
            CopyHint(index=0, id="s2", original_id="s0", is_identical=True),
        )


def test_a_flat_or_unknown_picture_is_told_once_with_the_inputs_that_use_it() -> None:
    seen = {"hero": PictureLook(is_flat=True), "a": PictureLook(problem="it is odd"), "b": PictureLook()}
    inputs = [an_input(0, "hero", "a"), an_input(1, "hero", "b"), an_input(2, "hero", "hero")]
    assert flat_pictures(inputs, seen) == [PictureHint(picture="hero.png", ids=("s0", "s1", "s2"))]
    assert undecoded_pictures(inputs, seen) == [PictureHint(picture="a.png", ids=("s0",), reason="it is odd")]
