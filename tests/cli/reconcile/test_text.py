"""What `reconcile` prints: each cause once, what is done or would be, and the commands for what is left."""

from pathlib import Path
from typing import Any

from segmind_swap import HistoryVerdict, ReconciledSwap, Reconciliation, SwapJob
from segmind_swap.cli._reconcile.text import lines_of

V = HistoryVerdict
JOB = SwapJob(poll_url="https://api.segmind.com/workflows/request/1", request_id="r-1", workflow="w-v1")


def a_swap(id: str, verdict: HistoryVerdict, **more: Any) -> ReconciledSwap:
    return ReconciledSwap(id=id, verdict=verdict, reason=more.pop("reason", f"it is {verdict}"), **more)


def text(*swaps: ReconciledSwap, **more: Any) -> str:
    found = Reconciliation(swaps=swaps, pages=more.pop("pages", 2), **more)
    return "\n".join(lines_of(found, Path("my out")))


def test_nothing_unknown_is_one_line() -> None:
    assert text(pages=0) == "no swap is unknown: nothing to look for"


def test_a_dry_run_says_what_would_be_done_and_by_which_commands() -> None:
    shown = text(
        a_swap("s0", V.FOUND, job=JOB, request_ids=("r-1",)),
        a_swap("s1", V.SEVERAL, request_ids=tuple(f"r-{n}" for n in range(7))),
        a_swap("s2", V.NOT_LISTED),
        a_swap("-s3", V.NOT_LISTED, missing_proof=("it is young", "it is alone")),
    )
    assert shown.splitlines() == [
        "4 unknown swaps, compared with 2 pages of the account's history",
        "found: 1",
        "  it is found",
        "    s0  (request r-1)",
        "several: 1",
        "  it is several",
        "    s1  (request r-0, r-1, r-2, r-3, r-4 and 2 more)",
        "not listed: 2",
        "  it is not listed",
        "    s2",
        "  it is not listed",
        "    -s3",
        "    not to be submitted again by --resubmit-missing, because",
        "    - it is young",
        "    - it is alone",
        "",
        "nothing was changed: this was a dry run",
        "to wait for the job that was found, free:",
        "  segmind-swap reconcile 'my out' --apply",
        "to submit 1 swap again, which is paid (about $0.15):",
        "  segmind-swap reconcile 'my out' --apply --resubmit-missing",
        "to take one of the requests for a swap, as in this example for s1:",
        "  segmind-swap reconcile 'my out' --apply --choose s1=r-0",
        "to decide about a swap yourself, as in this example for s1:",
        "  segmind-swap resolve 'my out' s1 --wait-again --poll-url URL  # its job is known",
        "  segmind-swap resolve 'my out' s1 --resubmit  # submit it again, which is paid",
        "  segmind-swap resolve 'my out' s1 --abandon  # give it up; what it may have cost stays counted",
    ]


def test_after_a_run_it_says_what_was_done_and_offers_nothing_that_is_done() -> None:
    shown = text(
        a_swap("s0", V.FOUND, job=JOB, adopted=True),
        a_swap("s1", V.NOT_LISTED, resubmitted=True),
        pages=1,
        applied=True,
    )
    assert shown.splitlines()[0] == "2 unknown swaps, compared with 1 page of the account's history"
    assert shown.partition("\n\n")[2].splitlines() == [
        "1 swap found: the next `segmind-swap batch`, or the application, waits for the job, which is free",
        "1 swap will be submitted again, and paid: about $0.15, besides what it may have cost before. The"
        " next `segmind-swap batch` submits it",
    ]
    assert "nothing was changed" in text(a_swap("s0", V.UNCLEAR), applied=True)


def test_a_swap_whose_pictures_are_not_kept_gets_no_command_that_is_refused() -> None:
    gone = a_swap("s0", V.UNCLEAR, pictures_are_kept=False)
    assert "s0 --abandon" in text(gone)
    assert "--resubmit" not in text(gone)
    assert "s1 --resubmit" in text(gone, a_swap("s1", V.UNCLEAR))


def test_one_cause_is_told_once_however_many_swaps_have_it() -> None:
    swaps = [a_swap(f"s{n}", V.NOT_LISTED, missing_proof=("it is young",)) for n in range(25)]
    shown = text(*swaps, incomplete="page 3 could not be read")
    assert shown.count("it is young") == 1
    assert "and 5 more: --json lists all" in shown
    assert "  not every page was read: page 3 could not be read" in shown


def test_what_a_server_says_moves_no_cursor() -> None:
    swap = a_swap("a", V.FOUND, job=JOB, adopted=True, request_ids=("x\x1b]0;y\x07",), reason="z\r\nw")
    shown = text(swap, incomplete="p\x1b[31m")
    assert all(line.isprintable() for line in shown.splitlines())
