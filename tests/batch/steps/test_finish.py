"""From the acceptance to the outcome: each end is recorded before it is told."""

from pathlib import Path

import pytest

from segmind_swap import Journal, OutcomeState
from segmind_swap.emulator import Fault

from ...support.batches import emulator, run, swaps_of

S = OutcomeState


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (Fault(on="poll", status=200, body={"status": "FAILED", "error": "no"}), S.FAILED),
        (Fault(on="poll", status=404), S.EXPIRED),
        (Fault(on="poll", status=200, body={"status": "COMPLETED", "output": ""}), S.UNREADABLE),
        (Fault(on="poll", status=500), S.ACCEPTED),
        (Fault(on="file", status=403), S.COMPLETED),
    ],
    ids=["failed", "gone", "unreadable", "not done", "not fetched"],
)
async def test_each_end_of_a_job_is_an_outcome_with_its_error_and_is_in_the_journal(
    fault: Fault, state: OutcomeState, tmp_path: Path
) -> None:
    journal = Journal(":memory:")
    service = emulator(faults=[fault])
    (outcome,) = await run(service, swaps_of(1), {"journal": journal, "save_to": tmp_path}, timeout=200.0)
    assert outcome.state is state
    assert outcome.error is not None
    assert outcome.job is not None
    assert journal.summary().states == {state: 1}
    assert list(tmp_path.iterdir()) == []


async def test_a_picture_that_is_saved_is_recorded_with_its_file(tmp_path: Path) -> None:
    journal = Journal(":memory:")
    (outcome,) = await run(emulator(), swaps_of(1), {"journal": journal, "save_to": tmp_path})
    (recorded,) = journal.outcomes()
    assert outcome.state is recorded.state is S.SAVED
    assert recorded.path == outcome.path == tmp_path / "s0.png"
