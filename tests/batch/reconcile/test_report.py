"""The values that a reconciliation returns."""

from segmind_swap import HistoryVerdict, ReconciledSwap, Reconciliation, SwapJob

JOB = SwapJob(poll_url="https://api.segmind.com/workflows/request/1", workflow="w-v1")


def a_swap(verdict: HistoryVerdict = HistoryVerdict.NOT_LISTED, **more: object) -> ReconciledSwap:
    return ReconciledSwap.model_validate({"id": "a", "verdict": verdict, "reason": "because", **more})


def test_only_a_swap_that_is_not_listed_and_lacks_no_proof_may_be_submitted_again() -> None:
    assert a_swap().may_resubmit
    assert not a_swap(missing_proof=("it is too young",)).may_resubmit
    others = [verdict for verdict in HistoryVerdict if verdict is not HistoryVerdict.NOT_LISTED]
    assert not any(a_swap(verdict).may_resubmit for verdict in others)
    assert Reconciliation(swaps=(a_swap(), a_swap(), *map(a_swap, others))).may_resubmit == 2


def test_a_swap_is_undecided_until_it_has_a_job_or_is_submitted_again() -> None:
    swaps = (
        a_swap(),
        a_swap(resubmitted=True),
        a_swap(HistoryVerdict.FOUND, job=JOB),
        a_swap(HistoryVerdict.FOUND, job=JOB, adopted=True),
    )
    assert Reconciliation(swaps=swaps).undecided == (swaps[0], swaps[2])


def test_a_reconciliation_is_written_as_json_and_read_again() -> None:
    found = Reconciliation(swaps=(a_swap(HistoryVerdict.FOUND, job=JOB),), pages=2, incomplete="why")
    assert Reconciliation.model_validate_json(found.model_dump_json()) == found
