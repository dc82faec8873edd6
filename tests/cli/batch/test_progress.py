"""The progress of a batch, on a terminal and without one."""

import os
import pty
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from segmind_swap import (
    JournalSummary,
    OutageBegan,
    OutageEnded,
    Outcomes,
    OutcomeState,
    RateLimited,
    RetryScheduled,
    SubmissionUnknownError,
    Submitting,
    SwapOutcome,
    SwapRequest,
    Uploaded,
)
from segmind_swap.cli._batch.options import BatchLimits
from segmind_swap.cli._batch.plan import BatchPlan
from segmind_swap.cli._batch.progress import BatchProgress
from segmind_swap.emulator import Fault

from ..processes import BATCH, COMMAND, PATIENCE, an_emulator, environment, until


def on_a_terminal(*arguments: str, cwd: Path, **env: str) -> tuple[subprocess.Popen[bytes], bytearray]:
    """A process on a terminal of 100 columns, and a buffer of what the process has written so far."""
    ours, theirs = pty.openpty()
    variables = environment(COLUMNS="100", LINES="30", TERM="xterm", **env)
    del variables["NO_COLOR"]
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=cwd, env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = bytearray()

    def read() -> None:
        try:
            while chunk := os.read(ours, 65536):
                seen.extend(chunk)
        except OSError:
            pass  # on Linux, the other end of the terminal is closed
        os.close(ours)

    threading.Thread(target=read, daemon=True).start()
    return process, seen


def words_of(screen: bytearray) -> str:
    """The text on the terminal, without escape sequences, and with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.decode(errors="replace")))


def test_on_a_terminal_the_display_is_live_and_no_text_of_a_server_is_interpreted(folder: Path) -> None:
    reason = "the \x1b[2J\x1b]0;title\x07 [bold]face[/nothing] :cat:"
    faults = [
        Fault(on="submit", calls=(3,), status=429, headers={"retry-after": "2"}),
        Fault(on="poll", calls=(1,), status=200, body={"status": "FAILED", "error": reason}),
    ]
    with an_emulator(speed=25.0, faults=faults) as (_, service):
        command = [*BATCH, "--concurrency", "2", "--budget", "5"]
        process, seen = on_a_terminal(*command, cwd=folder, **service)
        try:
            until(lambda: re.search(r"[1-9] done · [12] in flight", words_of(seen)))
            until(lambda: "left" in words_of(seen))
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 130
        finally:
            process.kill()
            process.wait()
        until(lambda: "the same command continues" in words_of(seen))
    text = words_of(seen)
    for shown in (
        r"of 8",
        r"[0-9] done · [0-9] in flight · [0-9] waiting · 1 failed · 0 unknown",
        r"swaps a minute · about \d+ s left",
        r"\$0\.\d\d committed of a budget of \$5\.00, about \$1\.\d\d for all",
        r"rate limited \(429\): next submit in [12] s",
        r"limit no limit found yet",
        r"finishing [012] in flight; press Ctrl-C again to stop now",
        r"saved s[0-9] \d\.\d s",
        r"\[bold\]face\[/nothing\] :cat:",
    ):
        assert re.search(shown, text), shown
    assert b"\x1b[2J" not in seen
    assert b"\x1b]0" not in seen
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h"), "the cursor is shown again"


def test_without_a_terminal_pauses_outages_and_changed_counts_are_plain_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    limits = BatchLimits(concurrency=2, rpm=None, budget_usd=None, price_usd=0.25)
    ids = frozenset({"a", "b", "c"})
    plan = BatchPlan(
        states=Counter({OutcomeState.PENDING: 3}),
        to_submit=ids,
        finished=frozenset(),
        summary=JournalSummary(states={}, reserved_usd=1.0, spent_usd=0.0, unknown=()),
    )
    progress = BatchProgress(plan, limits)
    retry = RetryScheduled(
        swap=1,
        call="upload",
        id=None,
        job=None,
        attempt=1,
        delay=1.0,
        cause="no\x1b[2J answer",
        status_code=None,
    )
    for event in (
        retry,
        RateLimited(swap=1, call="submit", delay=9.0),
        RateLimited(swap=1, call="submit", delay=9.0),
        OutageBegan(delay=5.0, cause="the submit was answered 503"),
        OutageEnded(),
    ):
        progress(event)
    progress.print_status_line()
    progress.print_status_line()
    progress(Uploaded(swap=1, url="https://x.example/a", size_bytes=1))
    progress(Submitting(swap=1, id="a", attempt=1))
    progress.print_status_line()
    progress.add_outcome(
        SwapOutcome(
            request=SwapRequest(id="a", reference_character_image="r.png", character_image="s.png"),
            state=OutcomeState.UNKNOWN,
            error=SubmissionUnknownError("perhaps [bold]paid"),
        )
    )
    progress.shutdown_started("press Ctrl-C again")
    assert re.sub(r" +", " ", capsys.readouterr().err).splitlines() == [
        "segmind-swap: rate limited (429): next submit in 9 s",
        "segmind-swap: the service does not answer (the submit was answered 503): next try in 5 s",
        "segmind-swap: the service answers again",
        " 0 s 0 of 3: 0 done, 0 in flight, 3 waiting, 0 failed, 0 unknown; $1.00 committed;"
        " no␛[2J answer, retrying",
        " 0 s 0 of 3: 0 done, 1 in flight, 2 waiting, 0 failed, 0 unknown; $1.00 committed",
        "unknown a: perhaps [bold]paid",
        "finishing 0 in flight; press Ctrl-C again to stop now",
    ]


def of_three_inputs() -> BatchProgress:
    plan = BatchPlan(
        states=Counter({OutcomeState.PENDING: 3}),
        to_submit=frozenset("abc"),
        finished=frozenset(),
        summary=JournalSummary(states={}, reserved_usd=1.0, spent_usd=0.0, unknown=()),
    )
    return BatchProgress(plan, BatchLimits(concurrency=3, rpm=None, budget_usd=None, price_usd=0.25))


def refused(id: str, status: int) -> RetryScheduled:
    return RetryScheduled(
        swap=1, call="submit", id=id, job=None, attempt=1, delay=9.0, cause="x", status_code=status
    )


def test_what_waits_behind_a_429_is_no_committed_money_and_what_is_in_doubt_is() -> None:
    progress = of_three_inputs()
    progress.set_outcomes(cast("Outcomes", SimpleNamespace(committed_usd=1.75, price_usd=0.25)))
    assert progress._money() == "$1.00 committed, about $1.75 for all", "the budget has reserved the three"
    for id in "abc":
        progress(Submitting(swap=1, id=id, attempt=1))
    assert progress._money() == "$1.75 committed, about $1.75 for all"
    for id in "ab":
        progress(refused(id, 429))
    assert progress._money() == "$1.25 committed, about $1.75 for all"
    progress.set_outcomes(cast("Outcomes", SimpleNamespace(committed_usd=2.0, price_usd=0.25)))
    progress(refused("c", 503))
    assert progress._money() == "$1.25 committed, about $2.00 for all", "the POST of c may be paid twice"


def test_the_time_left_is_never_less_than_a_429_and_a_swap_take() -> None:
    progress, now = of_three_inputs(), time.monotonic()
    progress._eta.swap_ended(now, 60.0)
    limited = progress._seconds_left()
    assert limited is not None
    progress(RateLimited(swap=1, call="submit", delay=900.0))
    assert progress._seconds_left() == pytest.approx(960.0, abs=30.0)
