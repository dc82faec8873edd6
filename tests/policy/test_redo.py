"""A redo begins at most one version of a swap, whatever has become of the versions before."""

from dataclasses import replace

import pytest

from segmind_swap import OutcomeState
from segmind_swap._policy.redo import RedoStep, redo_step
from segmind_swap._protocols.entry import Entry, EntryConflict, NewVersion

S = OutcomeState
DONE = {S.COMPLETED, S.SAVED}
ENDED = {S.FAILED, S.REJECTED, S.ABANDONED}


def entry(state: OutcomeState, *, version: int = 1, fingerprint: str = "p") -> Entry:
    return Entry(
        number=1,
        id="a",
        fingerprint=fingerprint,
        reference="hero.png",
        scene="street.png",
        state=state,
        run=1,
        version=version,
    )


def wanted(*, after: int = 1, fingerprint: str = "p") -> NewVersion:
    return NewVersion(id="a", after=after, fingerprint=fingerprint, reference="hero.png", scene="street.png")


def problem(new: NewVersion, latest: Entry | None) -> str:
    with pytest.raises(EntryConflict) as caught:
        redo_step(new, latest)
    return str(caught.value)


@pytest.mark.parametrize("state", S)
def test_the_first_version_is_redone_only_if_it_is_done(state: OutcomeState) -> None:
    if state in DONE:
        assert redo_step(wanted(), entry(state)) is RedoStep.BEGIN
    else:
        text = problem(wanted(), entry(state))
        assert "'a' cannot be redone" in text
        assert any(word in text for word in ("run the batch", "resolve", "resubmit")), "it says what to do"


@pytest.mark.parametrize("state", S)
def test_a_later_version_is_redone_if_it_is_done_or_has_ended_without_a_picture(state: OutcomeState) -> None:
    latest = entry(state, version=2)
    if state in DONE | ENDED:
        assert redo_step(wanted(after=2), latest) is RedoStep.BEGIN
    else:
        text = problem(wanted(after=2), latest)
        assert "version 2 of 'a' cannot be redone" in text
        if state in {S.PENDING, S.SENDING}:
            assert "run the same redo again" in text, "the batch submits no later version"


@pytest.mark.parametrize("state", S)
def test_the_same_redo_again_begins_no_version_whatever_became_of_the_one_it_began(
    state: OutcomeState,
) -> None:
    assert redo_step(wanted(), entry(state, version=2)) is RedoStep.CONTINUE


@pytest.mark.parametrize("state", S)
def test_a_redo_with_other_pictures_changes_only_a_version_of_which_nothing_was_sent(
    state: OutcomeState,
) -> None:
    latest = entry(state, version=2)
    if state is S.PENDING:
        assert redo_step(wanted(fingerprint="q"), latest) is RedoStep.REPLACE
        for sent in (
            replace(latest, billable_posts=1),
            replace(latest, failed_runs=1),
            replace(latest, closed_posts=1),
        ):
            assert "Finish that redo first" in problem(wanted(fingerprint="q"), sent)
    elif state in DONE | ENDED:
        assert "name version 2, which is paid again" in problem(wanted(fingerprint="q"), latest)
    else:
        assert "Finish that redo first" in problem(wanted(fingerprint="q"), latest)


def test_a_redo_of_a_version_that_is_not_the_latest_begins_nothing() -> None:
    assert "name version 3" in problem(wanted(), entry(S.SAVED, version=3))
    assert "being redone" in problem(wanted(), entry(S.PENDING, version=3))
    assert "has no version 2" in problem(wanted(after=2), entry(S.SAVED))


def test_a_swap_that_does_not_exist_is_not_redone() -> None:
    assert "there is no swap 'a'" in problem(wanted(), None)
