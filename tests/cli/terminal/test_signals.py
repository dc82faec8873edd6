"""Ctrl-C, SIGTERM and SIGHUP, for one swap and for work in two steps."""

import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from segmind_swap import ConfigurationError
from segmind_swap.cli._terminal.signals import GracefulShutdown, termination_as_keyboard_interrupt
from segmind_swap.emulator import Emulator, Picture

from ...support.scripted_service import PNG
from ..processes import (
    IGNORING_SIGINT,
    PAIR,
    PATIENCE,
    a_held_emulator,
    emulator_at,
    program,
    running,
    segmind_swap,
)


def until_accepted(swap: subprocess.Popen[str]) -> None:
    assert swap.stderr is not None
    while "accepted as" not in (line := swap.stderr.readline()):
        assert line, "the swap ended early"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_an_interrupted_swap_prints_the_command_that_waits_for_its_job(
    folder: Path, number: signal.Signals, code: int
) -> None:
    interrupted = threading.Event()

    async def engine(*, reference: Picture, scene: Picture) -> bytes:
        # The job is not done before the signal was sent, however slow the machine is.
        while not interrupted.is_set():  # noqa: ASYNC110 - set by another thread
            await anyio.sleep(0.01)
        return PNG

    with Emulator(engine=engine, duration=0).serve() as url:
        service = emulator_at(url)
        with running("swap", *PAIR, "--out", "out.png", cwd=folder, **service) as process:
            until_accepted(process)
            process.send_signal(number)
            _, err = process.communicate(timeout=PATIENCE)
        interrupted.set()
        assert process.returncode == code
        assert "interrupted; the job was accepted and is billed" in err
        assert "Traceback" not in err
        command = shlex.split(err.splitlines()[-1])
        assert command[:2] == ["segmind-swap", "wait"]
        done = segmind_swap(*command[1:], cwd=folder, **service)
        assert done.returncode == 0, done.stderr
    assert (folder / "out.png").exists()


def test_sigterm_interrupts_a_command_also_where_sigint_is_ignored(folder: Path) -> None:
    swap = ["swap", *PAIR, "--out", "out.png"]
    with (
        Emulator(duration=3600).serve() as url,
        running(*swap, cwd=folder, command=program(IGNORING_SIGINT), **emulator_at(url)) as process,
    ):
        until_accepted(process)
        process.terminate()
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143
    assert "segmind-swap wait" in err
    assert "Traceback" not in err


def test_nohup_keeps_a_swap_running_after_its_terminal_is_closed(folder: Path) -> None:
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with a_held_emulator() as (_, service, release):
        swap = ["swap", *PAIR, "--out", "out.png"]
        with running(*swap, cwd=folder, command=program(ignoring), **service) as process:
            until_accepted(process)
            process.send_signal(signal.SIGHUP)
            release.set()
            _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert (folder / "out.png").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGHUP")
def test_the_signals_of_one_closed_terminal_are_one_interrupt() -> None:
    interrupts: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: interrupts.append(number))
    on_hangup = signal.getsignal(signal.SIGHUP)
    try:
        with termination_as_keyboard_interrupt() as received:
            # The shell and the kernel send one each; systemd sends SIGTERM, then SIGHUP.
            for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
                signal.raise_signal(number)
    finally:
        signal.signal(signal.SIGINT, before)
    assert received == [signal.SIGHUP, signal.SIGHUP, signal.SIGTERM, signal.SIGHUP]
    assert len(interrupts) == 2
    assert signal.getsignal(signal.SIGHUP) is on_hangup


@pytest.mark.real_time
@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGHUP")
async def test_a_closed_terminal_lets_the_work_finish_and_a_later_signal_ends_it() -> None:
    stopped: list[signal.Signals] = []
    shutdown = GracefulShutdown(stopped.append)

    async def work() -> None:
        for number in (signal.SIGHUP, signal.SIGHUP):
            signal.raise_signal(number)
            await anyio.sleep(0.05)
        assert (stopped, shutdown.is_cancelled) == ([signal.SIGHUP], False)
        signal.raise_signal(signal.SIGTERM)
        await anyio.sleep_forever()

    async def background() -> None:
        pass

    await shutdown.run(work, background=background)
    assert (shutdown.first_signal, shutdown.is_cancelled) == (signal.SIGHUP, True)


async def test_an_exception_of_the_work_is_raised_as_it_is() -> None:
    async def work() -> None:
        raise ConfigurationError("a mistake")

    async def background() -> None:
        pass

    with pytest.raises(ConfigurationError, match="a mistake"):
        await GracefulShutdown(lambda number: None).run(work, background=background)
