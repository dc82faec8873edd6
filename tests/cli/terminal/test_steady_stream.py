"""Standard streams whose reader, disk or terminal goes away. Each case is a small process of its own."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from ..processes import COMMAND, PAIR, a_held_emulator, an_emulator, read_until, running, segmind_swap

STEADY = """
import os, sys
from segmind_swap.cli._terminal.steady_stream import steady_standard_streams
with steady_standard_streams():
    {statements}
    sys.exit(7)
"""
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no full device")


def run(statements: str, shell: str = "", **env: str) -> subprocess.CompletedProcess[bytes]:
    """Runs statements with steady streams, with the redirections of a shell. The statements end with 7."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, "-c", STEADY.format(statements=statements)],
        capture_output=True,
        check=False,
        env={**os.environ, **env},
        timeout=60,
    )


PRINTED = 'print("out " * 10_000); print("err " * 10_000, file=sys.stderr); print("saved")'


def test_streams_that_work_have_the_whole_text() -> None:
    done = run(PRINTED)
    assert done.returncode == 7
    assert done.stdout == b"out " * 10_000 + b"\nsaved\n"
    assert done.stderr == b"err " * 10_000 + b"\n"


def test_both_streams_in_one_file_keep_the_order_of_the_lines() -> None:
    lines = 'for n in range(50): print("out", n, flush=True); print("err", n, file=sys.stderr)'
    done = run(f"exec('''{lines}''')", "2>&1")
    assert done.stdout.decode().splitlines() == [f"{name} {n}" for n in range(50) for name in ("out", "err")]


@needs_full
def test_a_full_disk_is_reported_once_and_changes_no_exit_code() -> None:
    for statements in (PRINTED, 'print("saved")', "print('x', flush=True); print('y', flush=True)"):
        done = run(statements.replace('print("err " * 10_000, file=sys.stderr); ', ""), ">/dev/full")
        assert done.returncode == 7
        assert done.stderr == b"segmind-swap: the output could not be written: No space left on device\n"
    assert run(PRINTED, ">/dev/full 2>&1").returncode == 7


@pytest.mark.parametrize("shell", [">&-", "2>&-", "<&- >&- 2>&-", ">&- 2>/dev/full"])
def test_a_stream_that_was_closed_before_the_start_loses_its_text_only(shell: str, tmp_path: Path) -> None:
    # No later file gets the number of a standard stream: a text in a picture would destroy the picture.
    opened = f'file = open({str(tmp_path / "file")!r}, "w"); assert file.fileno() > 2; sys.stdin.read(); '
    done = run(opened + PRINTED, f"{shell} </dev/null" if "<&-" not in shell else shell)
    assert done.returncode == 7
    assert b"could not be written" not in done.stderr
    assert (tmp_path / "file").read_bytes() == b""


def test_a_closed_pipe_is_silent() -> None:
    def starting(stream: str) -> subprocess.Popen[bytes]:
        text = f"sys.stdin.read(); {PRINTED}; sys.{stream}.flush()"
        return subprocess.Popen(
            [sys.executable, "-c", STEADY.format(statements=text)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    for stream in ("stdout", "stderr"):
        with starting(stream) as process:
            closed: IO[bytes] = getattr(process, stream)
            closed.close()
            out, err = process.communicate(b"", timeout=60)
            assert process.returncode == 7
            assert b"could not be written" not in (err or b"") + (out or b"")


def test_a_terminal_that_is_gone_is_silent() -> None:
    control, terminal = pty.openpty()
    command = [sys.executable, "-c", STEADY.format(statements=f"sys.stdin.read(); {PRINTED}")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        os.close(control)
        process.communicate(b"", timeout=60)
    assert process.returncode == 7


@pytest.mark.parametrize(
    ("encoding", "spelt"),
    [
        ("cp1252", b"\\u753b \\u2026"),
        ("ascii", b"\\u753b \\u2026"),
        ("cp437", b"\\u753b \\u2026"),
        ("latin-1", b"\\u753b \\u2026"),
        ("cp1252:strict", b"\\u753b \\u2026"),
        ("utf-8", "画 …".encode()),
    ],
)
def test_an_encoding_escapes_what_it_cannot_spell(encoding: str, spelt: bytes) -> None:
    spelt = spelt.replace(b"\\u2026", "…".encode("cp1252")) if encoding.startswith("cp1252") else spelt
    texts = r'"\u753b \u2026 caf\udce9"'
    done = run(f"print({texts}); print({texts}, file=sys.stderr)", PYTHONIOENCODING=encoding)
    assert done.returncode == 7
    assert done.stdout == done.stderr == spelt + b" caf\\udce9\n"


def test_a_traceback_and_the_last_flush_of_python_change_nothing() -> None:
    for shell in (">&- 2>&-", "2>/dev/full >/dev/full"):
        done = run('print("text"); raise RuntimeError("画")', shell)
        assert done.returncode == 1  # and not 120


def test_a_library_that_closes_a_stream_ends_nothing() -> None:
    done = run('sys.stdout.close(); sys.stderr.close(); os.close(1); os.close(2); print("out")')
    assert done.returncode == 7


def test_a_reader_that_stops_reading_stops_no_work() -> None:
    reading, writing = os.pipe()
    # The last statement of the work does not pass the streams.
    work = 'print("x" * 9_000_000, file=sys.stderr); print("dropped", file=sys.stderr); os.write(1, b"done")'
    command = [sys.executable, "-c", STEADY.format(statements=work)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writing) as process:
        os.close(writing)
        assert process.stdout is not None
        assert process.stdout.read(4) == b"done"
        assert process.poll() is None  # the text waits for its reader
        with os.fdopen(reading, "rb") as file:
            assert file.read() == b"x" * 9_000_000
    assert process.returncode == 7


def test_one_ctrl_c_gives_up_text_that_nobody_reads_and_changes_no_exit_code() -> None:
    reading, writing = os.pipe()
    work = 'print("x" * 900_000, file=sys.stderr); print("y" * 900_000); os.write({fd}, b"done")'
    told, telling = os.pipe()
    command = [sys.executable, "-c", STEADY.format(statements=work.format(fd=telling))]
    with subprocess.Popen(command, stdout=writing, stderr=writing, pass_fds=[telling]) as process:
        os.close(writing)
        assert os.read(told, 4) == b"done"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 7
    for descriptor in (reading, told, telling):
        os.close(descriptor)


@pytest.mark.parametrize("words", ["submitting", "accepted as"])
def test_a_reader_of_the_progress_that_goes_away_ends_no_paid_swap(folder: Path, words: str) -> None:
    with (
        a_held_emulator() as (emulator, service, release),
        running("swap", *PAIR, "--out", "out.png", cwd=folder, **service) as process,
    ):
        read_until(process, words)
        assert process.stderr is not None
        process.stderr.close()
        release.set()
        assert process.wait() == 0
    assert (folder / "out.png").exists()
    assert len(emulator.ledger) == 1


@needs_full
def test_a_result_that_cannot_be_written_changes_no_exit_code(folder: Path) -> None:
    with an_emulator() as (_, service):
        shell = ["sh", "-c", 'exec "$0" "$@" >/dev/full']
        done = segmind_swap("credits", cwd=folder, command=[*shell, *COMMAND], **service)
    assert done.returncode == 0
    assert done.stderr == "segmind-swap: the output could not be written: No space left on device\n"
