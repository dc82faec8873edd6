"""Standard streams whose writes never raise and never wait, so that no message can decide about a swap."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import IO, Any, TextIO, cast

_MAX_WAITING_BYTES = 1024 * 1024
"""How much progress may wait for a reader that has stopped reading. Later progress is dropped."""


class _Writer:
    """A thread that writes to the standard streams, in the order in which the text was printed.

    A terminal that was stopped by Ctrl-S, or a pipe that nobody reads, blocks a write. If the event loop were
    blocked, the answer to a paid submit would be read too late.
    """

    def __init__(self) -> None:
        self._tasks: SimpleQueue[tuple[_Output, bytes] | threading.Event] = SimpleQueue()
        self._is_open = True
        threading.Thread(target=self._run, name="segmind-swap-output", daemon=True).start()

    def write(self, output: _Output, data: bytes) -> None:
        if self._is_open:
            output.passed_bytes += len(data)
            self._tasks.put((output, data))
        else:
            output.write_now(data)

    def wait(self) -> bool:
        """Waits until the text that was printed so far is written. False if Ctrl-C gave up the text."""
        done = threading.Event()
        self._tasks.put(done)
        try:
            return done.wait()
        except KeyboardInterrupt:
            return False

    def close(self) -> None:
        """Later text is written by the thread that prints it: the interpreter prints its last lines so."""
        self._is_open = False

    def _run(self) -> None:
        while True:
            task = self._tasks.get()
            if isinstance(task, threading.Event):
                task.set()
            else:
                output, data = task
                output.write_now(data)
                output.written_bytes += len(data)


class _Output(io.RawIOBase):
    """The file behind a standard stream. After an error, the output is silent.

    Attributes:
        problem: The first error; None if there was no error.
        passed_bytes: How much was passed to the writer. Only printing threads add to it.
        written_bytes: How much of this the writer has done. Only the writer adds to it. If two threads
            changed one number, a change could be lost, and some text would count as waiting for good.
    """

    def __init__(self, file: IO[bytes], writer: _Writer, *, drops: bool) -> None:
        self._file = file
        self._writer = writer
        self._drops = drops
        self.problem: OSError | ValueError | None = None
        self.passed_bytes = 0
        self.written_bytes = 0

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def write(self, data: Any) -> int:
        """Passes the bytes on. The result is always the number of bytes."""
        copied = bytes(data)
        waiting_bytes = self.passed_bytes - self.written_bytes
        if not (self._drops and waiting_bytes > _MAX_WAITING_BYTES):
            self._writer.write(self, copied)
        return len(copied)

    def write_now(self, data: bytes) -> None:
        """Writes the bytes, unless there was an error."""
        rest = memoryview(data)
        try:
            while rest and self.problem is None:
                written = self._file.write(rest)
                if written is None:  # another program made the terminal non-blocking
                    select.select((), (self._file,), ())
                rest = rest[written or 0 :]
        except (OSError, ValueError) as exc:
            self.problem = exc

    @property
    def loss(self) -> str:
        """Why text is lost; empty if nothing is lost, or if the reader has closed the pipe on purpose."""
        match self.problem:
            case None | ConnectionError():
                return ""
            case OSError(errno=errno.EINVAL) if sys.platform == "win32":  # a closed pipe
                return ""
            case OSError(strerror=str() as problem):
                return problem
            case problem:
                return str(problem)


class _Stream(io.TextIOWrapper):
    """A text stream on an output. It can spell every text, and a library cannot close it."""

    def __init__(self, output: _Output, *, encoding: str, line_buffering: bool) -> None:
        buffer = io.BufferedWriter(output)
        super().__init__(buffer, encoding, "backslashreplace", line_buffering=line_buffering)
        self.output = output

    def close(self) -> None:
        """Writes what is buffered."""
        self.flush()


@contextmanager
def steady_standard_streams() -> Iterator[None]:
    """Replaces the standard streams by streams whose writes raise nothing and wait for nothing.

    An error silences a stream: the disk is full, the terminal is gone, or the reader has closed the pipe. A
    character that the encoding of a stream cannot spell is written as an escape. At the end of the block,
    text of standard output that is lost is reported on standard error, except after a closed pipe.
    """
    if sys.stdin is None:
        sys.stdin = open(_usable(0), encoding="utf-8", closefd=False)  # noqa: SIM115
    writer = _Writer()
    stdout = _steady(sys.stdout, 1, writer)
    stderr = _steady(sys.stderr, 2, writer, is_progress=True)
    sys.stdout, sys.stderr = stdout, stderr
    try:
        yield
    finally:
        stdout.flush()
        is_written = writer.wait()
        if stdout.output.loss:
            stderr.write(f"segmind-swap: the output could not be written: {stdout.output.loss}\n")
        stderr.flush()
        if is_written:
            writer.wait()
        writer.close()


def _steady(stream: TextIO | None, number: int, writer: _Writer, *, is_progress: bool = False) -> _Stream:
    """The steady stream in place of a standard stream, which is None if its descriptor was closed."""
    if stream is not None:
        with suppress(OSError, ValueError):
            stream.flush()
    # A duplicate: if this process closed the descriptor, a picture or a connection could get its number.
    file = cast("IO[bytes]", open(os.dup(_usable(number)), "wb", buffering=0, closefd=False))  # noqa: SIM115
    return _Stream(
        _Output(file, writer, drops=is_progress),
        encoding="utf-8" if stream is None else stream.encoding,
        line_buffering=is_progress or file.isatty(),
    )


def _usable(number: int) -> int:
    """The descriptor, which is opened if it is closed: else the next file would get its number."""
    try:
        os.fstat(number)
    except OSError:
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)
    return number
