"""A program in a process that is forked from one which has loaded the package, so that it starts at once.

The forked process is a real one: its own streams, folder, environment, signals and exit status. It ends as
Python ends any program. What it does not show is how Python and the package start: tests of imports start
Python.

Run as a program, this file is the process that has loaded the package.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_STREAMS = 3
_AT_ONCE = 1e-6
"""Seconds; a socket with a timeout of zero would raise another error."""
_ASKING = threading.Lock()


# In the tests


@cache
def _loaded() -> socket.socket:
    """The connection to the process that has loaded the package. Each process that runs tests has one."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-P", __file__, str(theirs.fileno())]
    # Some libraries read the environment when they are imported.
    env = {name: value for name, value in os.environ.items() if not name.startswith("SEGMIND")}
    process = subprocess.Popen(
        command,
        pass_fds=[theirs.fileno()],
        env={**env, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


class Forked(subprocess.Popen[str]):
    """What `python -c SOURCE ARGUMENTS` does, in a forked process: pipes for its output, and no input."""

    stdout: io.TextIOWrapper
    stderr: io.TextIOWrapper

    def __init__(
        self, source: str, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] = os.environ
    ) -> None:
        # Popen would start a process itself, so its `__init__` is not called.
        self.args = ["-c", *arguments]
        self.stdin = None
        self.returncode = None
        out, their_out = os.pipe()
        err, their_err = os.pipe()
        self._keeper, theirs = socket.socketpair()
        nothing = os.open(os.devnull, os.O_RDONLY)
        with theirs, _ASKING:
            socket.send_fds(_loaded(), [b"."], [theirs.fileno(), nothing, their_out, their_err])
        for descriptor in (nothing, their_out, their_err):
            os.close(descriptor)
        self.stdout, self.stderr = open(out), open(err)  # noqa: PTH123, SIM115
        self._answers = self._keeper.makefile("rw")
        self._answers.write(json.dumps([source, self.args, str(cwd or Path.cwd()), dict(env)]) + "\n")
        self._answers.flush()
        self.pid = int(self._answers.readline())

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._keeper.settimeout(timeout)
            try:
                self.returncode = int(self._keeper.recv(16))
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from None
            self._answers.close()
            self._keeper.close()
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(_AT_ONCE)
        return self.returncode

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        assert input is None, "it has no input"
        read: dict[str, str] = {}
        streams = {"out": self.stdout, "err": self.stderr}

        def read_all(name: str) -> None:
            read[name] = streams[name].read()

        threads = [threading.Thread(target=read_all, args=[name], daemon=True) for name in streams]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout)
            if thread.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        self.wait(timeout)
        return read["out"], read["err"]


# In the process that has loaded the package


def _load() -> None:
    """Imports what the commands import when they run."""
    import anyio._backends._trio
    import PIL.Image
    import uvicorn.lifespan.on
    import uvicorn.protocols.http.h11_impl  # noqa: F401

    import segmind_swap.cli
    import segmind_swap.emulator

    async def start_a_client() -> None:
        async with segmind_swap.SwapClient("emulator-key"):
            pass

    PIL.Image.preinit()
    anyio.run(start_a_client)
    for module in pkgutil.walk_packages(segmind_swap.cli.__path__, "segmind_swap.cli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _fork_on_request(control: socket.socket) -> str:
    """Returns the source only in a process that is to run it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keepers: set[int] = set()
    while True:
        asked, descriptors, _, _ = socket.recv_fds(control, 1, 1 + _STREAMS)
        if not asked:
            sys.exit()
        keepers -= {keeper for keeper in keepers if os.waitpid(keeper, os.WNOHANG)[0]}
        keeper = os.fork()
        if not keeper:
            control.close()
            return _become_program(socket.socket(fileno=descriptors[0]), descriptors[1:])
        keepers.add(keeper)
        for descriptor in descriptors:
            os.close(descriptor)


def _become_program(keeper: socket.socket, streams: list[int]) -> str:
    """Returns the source in a child of this process. This process tells how its child ends, and ends."""
    answers = keeper.makefile("rw")
    source, sys.argv[:], cwd, env = json.loads(answers.readline())
    child = os.fork()
    if child:
        for descriptor in streams:
            os.close(descriptor)
        answers.write(f"{child}\n")
        answers.flush()
        answers.write(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
        try:
            answers.flush()
        finally:
            os._exit(0)
    answers.close()
    keeper.close()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.stdin, sys.stdout, sys.stderr = _text(0, "r"), _text(1, "w"), _text(2, "w", errors="backslashreplace")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return str(source)


def _text(descriptor: int, mode: str, **options: Any) -> Any:
    """A stream as Python makes it when it starts."""
    buffering = 1 if descriptor == 2 or os.isatty(descriptor) else -1
    return open(descriptor, mode, buffering, closefd=False, **options)


if __name__ == "__main__":
    _load()
    gc.freeze()
    exec(_fork_on_request(socket.socket(fileno=int(sys.argv[1]))), {"__name__": "__main__"})
