"""A batch that a signal ends, and the run that continues it."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
from pathlib import Path

from segmind_swap import OutcomeState

from ..processes import (
    BATCH,
    IGNORING_SIGINT,
    PATIENCE,
    a_held_emulator,
    an_emulator,
    environment,
    program,
    read_until,
    results,
    running,
    segmind_swap,
    states,
    until,
)


def test_the_first_ctrl_c_finishes_what_is_in_flight_and_the_same_command_continues(folder: Path) -> None:
    with a_held_emulator() as (emulator, service, release):
        with running(*BATCH, "--concurrency", "3", cwd=folder, **service) as process:
            until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 3)
            process.send_signal(signal.SIGINT)
            read_until(process, "finishing 3 in flight; press Ctrl-C again to stop now")
            release.set()
            out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert "3 of 8 saved" in out
        assert re.search("^  3  saved .*^  5  pending ", out, re.MULTILINE | re.DOTALL)
        assert len(emulator.ledger) == 3
        command = shlex.split(out.splitlines()[-1])
        assert command == ["segmind-swap", *BATCH, "--concurrency", "3"]
        done = segmind_swap(*BATCH, cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert "8 of 8 saved" in done.stdout
        assert (len(emulator.ledger), emulator.paid_twice()) == (8, [])


def test_the_second_signal_ends_at_once_and_the_next_run_waits_for_what_was_in_flight(folder: Path) -> None:
    with a_held_emulator() as (emulator, service, release):
        with running(*BATCH, "--concurrency", "3", "--json", cwd=folder, **service) as process:
            until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 3)
            process.terminate()
            read_until(process, "send the signal again")
            process.terminate()
            out, err = process.communicate(timeout=PATIENCE)
        release.set()
        assert process.returncode == 143
        assert json.loads(out)["states"] == {"accepted": 3, "pending": 5}
        assert "Traceback" not in err
        assert len(results(folder)) == 8
        done = segmind_swap(*BATCH, cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert (len(emulator.ledger), emulator.paid_twice()) == (8, [])


def test_a_run_that_was_killed_continues_and_pays_nothing_twice(folder: Path) -> None:
    with an_emulator(speed=30.0) as (emulator, service):
        with running(*BATCH, "--concurrency", "3", cwd=folder, **service) as process:
            until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 3)
            process.kill()
        done = segmind_swap(*BATCH, "--json", cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["states"] == {"saved": 8}
        assert (len(emulator.ledger), emulator.paid_twice()) == (8, [])


def test_sigterm_shuts_a_batch_down_where_a_script_ignores_sigint(folder: Path) -> None:
    with (
        a_held_emulator() as (_, service, release),
        running(
            *BATCH, "--concurrency", "2", cwd=folder, command=program(IGNORING_SIGINT), **service
        ) as process,
    ):
        until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 2)
        process.send_signal(signal.SIGINT)
        process.terminate()
        read_until(process, "finishing 2 in flight; send the signal again")
        release.set()
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert "2 of 8 saved" in out


def test_a_closed_terminal_finishes_what_is_in_flight(folder: Path) -> None:
    with a_held_emulator() as (emulator, service, release):
        terminal, its_other_end = pty.openpty()
        # A leader of a session that opens a terminal without one gets it as its own.
        own_terminal = "import os; os.close(os.open(os.ttyname(0), os.O_RDWR))"
        with subprocess.Popen(
            [*program(own_terminal), *BATCH, "--concurrency", "3"],
            cwd=folder,
            env=environment(TERM="xterm", **service),
            stdin=its_other_end,
            stdout=its_other_end,
            stderr=its_other_end,
            start_new_session=True,
        ) as process:
            try:
                os.close(its_other_end)
                until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 3)
                # The kernel sends SIGHUP, and every later write to the terminal fails.
                os.close(terminal)
                release.set()
                until(lambda: process.poll() is not None)
            finally:
                process.kill()
        assert process.returncode == 129
        assert states(folder)[OutcomeState.SAVED] == len(emulator.ledger)
        assert {fields["state"] for fields in results(folder).values()} == {"saved", "pending"}
        assert (folder / "out" / "report.html").exists()
        done = segmind_swap(*BATCH, cwd=folder, **service)
        assert done.returncode == 0, done.stderr
        assert (len(emulator.ledger), emulator.paid_twice()) == (8, [])


def test_a_hangup_ends_a_batch_as_sigterm_does(folder: Path) -> None:
    with (
        a_held_emulator() as (emulator, service, release),
        running(*BATCH, "--concurrency", "3", cwd=folder, **service) as process,
    ):
        until(lambda: states(folder).get(OutcomeState.ACCEPTED) == 3)
        process.send_signal(signal.SIGHUP)
        read_until(process, "finishing 3 in flight; send the signal again")
        release.set()
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 129
    assert "3 of 8 saved" in out
    assert len(emulator.ledger) == 3
