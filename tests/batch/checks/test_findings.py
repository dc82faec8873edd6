"""`InputCheck` is the list of what would be rejected, with hints as its attributes."""

import pickle

from segmind_swap import CopyHint, ImageError, InputCheck, OutcomeState, PictureHint, SwapOutcome

from ...support.batches import swap_of

REJECTED = SwapOutcome(
    request=swap_of(1), state=OutcomeState.REJECTED, error=ImageError("it is empty", image="1.png")
)


def test_without_anything_to_reject_it_is_empty_whatever_hints_there_are() -> None:
    check = InputCheck(flat=[PictureHint(picture="black.png", ids=("s1",))])
    assert not check
    assert check == []
    assert check.flat[0].picture == "black.png"
    assert not check.is_decoded


def test_it_keeps_its_hints_when_it_is_pickled() -> None:
    hint = CopyHint(index=3, id="s3", original_id="s1", is_identical=True)
    unknown = PictureHint(picture="odd.jpg", ids=("s2", None), reason="it cannot be decoded")
    check = InputCheck([REJECTED], copies=[hint], undecoded=[unknown], is_decoded=True)
    again = pickle.loads(pickle.dumps(check))
    assert [outcome.request for outcome in again] == [REJECTED.request]
    assert (again.copies, again.undecoded, again.is_decoded) == ((hint,), (unknown,), True)
