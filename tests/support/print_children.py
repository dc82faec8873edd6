"""A process that has imported the command line once, and forks a child for each command that is asked for.

Run as a script with the number of a Unix socket. Each message on the socket is a JSON object, with three file
descriptors: standard output, standard error, and the control socket of the child. The child runs `main` to
the end of the interpreter, so its exit code is the true one, also where Python's last flush decides it.
"""

import gc
import importlib
import io
import itertools
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

BAD = {
    # How a descriptor becomes one whose writes fail, for those kinds that nobody outside can cause.
    "ENOSPC": lambda: os.open("/dev/full", os.O_WRONLY),
    "closed": lambda: os.open(os.devnull, os.O_RDONLY),
}


def serve(requests: socket.socket) -> None:
    """Forks until the socket is closed. Only children return, with the arguments of their command."""
    while True:
        data, fds, _, _ = socket.recv_fds(requests, 65536, 3)
        if not data:
            os._exit(0)
        if os.fork():
            for fd in fds:
                os.close(fd)
            while True:  # the nurses that have ended
                try:
                    if os.waitpid(-1, os.WNOHANG) == (0, 0):
                        break
                except ChildProcessError:
                    break
            continue
        requests.close()
        request = json.loads(data)
        control = socket.socket(fileno=fds[2])
        pid = os.fork()
        if pid:  # the nurse, which reports how its child ended
            os.close(fds[0])
            os.close(fds[1])
            control.sendall(f"pid {pid}\n".encode())
            _, status = os.waitpid(pid, 0)
            control.sendall(f"end {os.waitstatus_to_exitcode(status)}\n".encode())
            os._exit(0)
        become(request, fds[0], fds[1], control)
        return


def become(request: dict[str, Any], out: int, err: int, control: socket.socket) -> None:
    """Makes this process the one that runs the command."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    sys.argv = ["segmind-swap", *request["argv"]]
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)
    encodings = {1: "utf-8", 2: "utf-8"}
    number = 1 if request["stream"] == "stdout" else 2
    if request["breakage"] == "cp1252":
        encodings[number] = "cp1252"
    sys.stdout = _stream(1, encodings[1], "strict")
    sys.stderr = _stream(2, encodings[2], "backslashreplace")
    if request["breakage"] == "missing":
        os.close(number)
        setattr(sys, request["stream"], None)

    def obey() -> None:
        """Breaks the stream each time that the test tells so, until the test tells to go on."""
        while control.recv(1) == b"b":
            bad = BAD[request["breakage"]]()
            for fd in {number, getattr(sys, request["stream"]).fileno()}:
                os.dup2(bad, fd)
            control.sendall(b"broken 1\n")

    obey()
    if request["pause"] is None:
        threading.Thread(target=obey, daemon=True).start()
        return

    def at_moment() -> None:
        control.sendall(b"moment 1\n")
        obey()

    kind, times = request["pause"]
    pause_demo(kind, times, at_moment)


def pause_demo(kind: str, times: int, at_moment: Callable[[], None]) -> None:
    """Makes the demo call `at_moment` after so many events of a kind."""
    progress = importlib.import_module("segmind_swap.cli._demo.progress").DemoProgress
    follow = progress.__call__
    count = itertools.count(1)

    def follow_and_stop(self: object, event: object) -> None:
        follow(self, event)
        if type(event).__name__ == kind and next(count) == times:
            at_moment()

    progress.__call__ = follow_and_stop


def _stream(number: int, encoding: str, errors: str) -> io.TextIOWrapper:
    """A standard stream as Python makes it at its start."""
    file = io.FileIO(number, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(file), encoding, errors, line_buffering=number == 2 or file.isatty()
    )


def imported() -> Any:
    """Imports what the commands import, with polls that are as quick as the emulator."""
    config = importlib.import_module("segmind_swap._config")
    config.PollPolicy.__init__.__kwdefaults__.update(interval=0.02, first_after=0.0, learn=False)
    cli = importlib.import_module("segmind_swap.cli")
    for name in ("_app.app", "_commands", "_terminal.steady_stream", "_terminal.log_handler"):
        importlib.import_module(f"segmind_swap.cli.{name}")
    demo = importlib.import_module("segmind_swap.cli._demo.command")
    connect = importlib.import_module("segmind_swap.cli._connect")
    vars(demo).update(_SPEED=1000.0, best_engine=lambda: demo.Engine.SHEET)
    vars(connect).update(_POLL_INTERVAL=0.02)
    # What a client imports when it is made takes ten times as long as a whole command.
    for name in (
        "httpcore",
        "httpx_aiohttp",
        "rich._emoji_codes",
        "pydantic.type_adapter",
        "PIL.PngImagePlugin",
    ):
        with suppress(ImportError):
            importlib.import_module(name)
    importlib.import_module("segmind_swap.emulator")
    gc.collect()
    gc.freeze()  # the children share the memory
    return cli


if __name__ == "__main__":
    command_line = imported()
    serve(socket.socket(fileno=int(sys.argv[1])))
    command_line.main()
