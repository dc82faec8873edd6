"""The grid of broken outputs: each command, each way to break a stream, each moment, and each fate of a swap.

The cells are generated from the lists below. A cell runs a command in a process of its own against an
emulator of its own, breaks one standard stream for real at a moment that the emulator marks, and compares the
exit code with the emulator's ledger and with the files.
"""

import itertools
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segmind_swap import Journal, JournalError
from segmind_swap.emulator import Emulator, Fault, Picture

from .sessions import png

KEY = "emulator-key"
PATIENCE = 30.0

BREAKAGES = ("closed pipe", "ENOSPC", "EIO", "closed", "cp1252", "missing")
FROM_THE_START = {"cp1252", "missing"}
"""An encoding, and a stream that a shell has closed (`>&-`), cannot come in the middle of a run."""
STREAMS = ("stdout", "stderr")
BEFORE, SENT, ACCEPTED, POLLING, SAVING, FINAL = MOMENTS = (
    "before the POST",
    "after the last byte of the POST",
    "accepted",
    "polling",
    "saving",
    "final line",
)
COMMANDS = {
    # Each command, and the moments that it has: a command that submits nothing has no moment before a POST.
    "swap": MOMENTS,
    "wait": MOMENTS[2:],
    "batch": MOMENTS,
    "resume": MOMENTS,
    "status": (FINAL,),
    "resolve": (FINAL,),
    "upload": (FINAL,),
    "credits": (FINAL,),
    "emulator": (FINAL,),
    "demo": (ACCEPTED, SAVING, FINAL),
}


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a swap, apart from what is printed.

    `moments` is how many of the moments such a run reaches.
    """

    name: str
    code: int
    faults: tuple[Fault, ...] = ()
    moments: int = 6
    commands: tuple[str, ...] = ("swap", "wait", "batch", "resume")


FATES = (
    Fate("saved", 0, commands=tuple(COMMANDS)),
    Fate("interrupted", 130),
    Fate("refused", 1, (Fault(on="submit", status=400),), 2, ("swap", "batch")),
    Fate("unknown", 4, (Fault(on="submit", cut="after-body"),), 1, ("swap", "batch")),
    Fate("unfinished", 3, (), 4, ("swap", "wait", "batch")),
    Fate(
        "failed",
        6,
        (Fault(on="poll", status=200, body={"status": "FAILED", "error": "no face"}),),
        3,
        ("swap", "wait", "batch"),
    ),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One run: a command whose stream breaks in a way at a moment."""

    command: str
    breakage: str
    stream: str
    moment: str
    fate: Fate

    def __str__(self) -> str:
        return f"{self.command}: {self.stream} {self.breakage}, {self.moment}, {self.fate.name}"


def cells(command: str) -> Iterator[Cell]:
    """All cells of a command."""
    for fate, breakage, stream in itertools.product(FATES, BREAKAGES, STREAMS):
        reached = [moment for moment in COMMANDS[command] if moment in MOMENTS[: fate.moments]]
        if breakage in FROM_THE_START and fate.name != "interrupted":
            reached = reached[:1]  # nothing happens later that a first moment has not
        if command in fate.commands:
            yield from (Cell(command, breakage, stream, moment, fate) for moment in reached)


class MarkedEmulator(Emulator):
    """An emulator that calls `mark(moment)` while the client waits for it to answer."""

    def __init__(self, mark: Callable[[str], None], *, pictures: int, faults: Sequence[Fault] = ()) -> None:
        super().__init__(api_key=KEY, duration=0.0, engine=self._draw, faults=faults)
        self._mark = mark
        self._polls = itertools.count(1)
        self._polled = 0
        self._pictures = pictures
        self._answered = {"file": 0, "upload": 0}
        self._open_requests = 0
        self.is_stuck = False
        self._app = self._marked(self._app)  # type: ignore[assignment]

    async def _draw(self, *, reference: Picture, scene: Picture) -> bytes:
        while self._polled <= self._pictures or self.is_stuck:  # noqa: ASYNC110 - so that a poll finds the job being processed
            await anyio.sleep(0.005)
        return png()

    def _marked(self, app: ASGIApp) -> ASGIApp:
        async def marked(scope: Scope, receive: Receive, send: Send) -> None:
            path: str = scope["path"]
            if path == "/upload-asset":
                self._mark(BEFORE)
            is_poll = "/request" in path
            if is_poll:
                self._polled += 1
                self._mark(ACCEPTED)

            async def sending(message: Message) -> None:
                body = message.get("body", b"")
                if body:
                    for moment in self._answers(path, body):
                        self._mark(moment)
                await send(message)

            self._open_requests += 1
            try:
                await app(scope, receive, sending)
            finally:
                self._open_requests -= 1

        return marked

    def settle(self, url: str) -> None:
        """Waits until the requests of clients that have ended are answered: they mark moments, too."""
        httpx.get(f"{url}/v1/get-user-credits", headers={"x-api-key": KEY})  # arrives after the others
        deadline = time.monotonic() + PATIENCE
        while self._open_requests and time.monotonic() < deadline:
            time.sleep(0.005)

    def _answers(self, path: str, body: bytes) -> Iterator[str]:
        """The moments at which the answer to a request is about to be sent."""
        if "/request" in path:
            yield SAVING if b"COMPLETED" in body else POLLING
        elif path.startswith("/workflows/"):
            yield SENT
        elif "credits" in path:
            yield FINAL
        for kind, start in (("file", "/files/"), ("upload", "/upload-asset")):
            if path.startswith(start):
                self._answered[kind] += 1
                if self._answered[kind] == self._pictures:
                    yield f"last {kind}"


class Output:
    """The reading side of a stream of a child, until it is broken."""

    def __init__(self, breakage: str | None) -> None:
        self._reading, self.writing = pty.openpty() if breakage == "EIO" else os.pipe()
        self._lock = threading.Lock()
        self._stopped = False
        self._text = b""
        self._thread = threading.Thread(target=self._pump)
        self._thread.start()

    @property
    def text(self) -> str:
        return self._text.decode("utf-8", "replace")

    def _pump(self) -> None:
        while not self._stopped:
            if not select.select([self._reading], [], [], 0.02)[0]:
                continue
            try:
                data = os.read(self._reading, 65536)
            except OSError:
                data = b""
            if not data:
                break
            self._text += data

    def join(self) -> None:
        """Waits until all that was written is read, which is when no process can write any more."""
        self._thread.join(PATIENCE)

    def close(self) -> None:
        """Closes the reading side. The writer gets EPIPE from a pipe, and EIO from a terminal."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._thread.join()
                os.close(self._reading)


class Child:
    """A command that runs in a forked process.

    `is_broken` tells whether the stream of the cell was broken while the command ran.
    """

    def __init__(self, cell: Cell | None, outputs: dict[str, Output], control: socket.socket) -> None:
        self.outputs = outputs
        self.is_broken = False
        self._cell = cell
        self._control = control
        self._breaks = itertools.count()
        self._told = {word: threading.Event() for word in ("pid", "moment", "broken", "end")}
        self._numbers = dict.fromkeys(self._told, 0)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        assert self._told["pid"].wait(PATIENCE)

    def _read(self) -> None:
        with self._control.makefile("r") as lines:
            for line in lines:
                word, number = line.split()
                self._numbers[word] = int(number)
                self._told[word].set()
                if word == "end":
                    break
        for told in self._told.values():  # a command that has ended tells nothing more
            told.set()

    def go(self) -> None:
        """Lets the command begin, or continue after its moment."""
        self._control.sendall(b"g")

    def reaches_moment(self) -> bool:
        """Waits until the command itself stops at its moment; false if the command has ended instead."""
        assert self._told["moment"].wait(PATIENCE), "the command hangs"
        return self._numbers["moment"] == 1

    def break_stream(self) -> bool:
        """Breaks the stream of the cell, and returns when it is broken; false if it was broken before."""
        assert self._cell is not None
        if next(self._breaks):
            return False
        if self._cell.breakage in {"ENOSPC", "closed"}:
            with suppress(OSError):  # the command has ended
                self._control.sendall(b"b")
            assert self._told["broken"].wait(PATIENCE), "the command does not break its stream"
            self.is_broken = self._numbers["broken"] == 1
        else:
            if self._cell.breakage in {"closed pipe", "EIO"}:
                self.outputs[self._cell.stream].close()
            self.is_broken = not self._told["end"].is_set()
        return True

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """Sends a signal to the command."""
        with suppress(ProcessLookupError):
            os.kill(self._numbers["pid"], number)

    def wait(self) -> int:
        """Waits for the end of the command, and returns its exit code."""
        assert self._told["end"].wait(PATIENCE), "the command hangs"
        return self._numbers["end"]

    def close(self) -> None:
        """Closes what belongs to the child. A command that hangs is killed."""
        if not self._told["end"].is_set():
            self.interrupt(signal.SIGKILL)
        self._reader.join()
        self._control.close()
        for output in self.outputs.values():
            output.close()


class Zygote:
    """The process that forks the children."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair()
        script = Path(__file__).with_name("print_children.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
        theirs.close()
        self._lock = threading.Lock()

    def close(self) -> None:
        self._requests.close()
        self._process.wait(PATIENCE)

    @contextmanager
    def child(self, argv: Sequence[str], folder: Path, url: str, cell: Cell | None) -> Iterator[Child]:
        """Starts a command that waits for `go`. Without a cell, its streams are whole."""
        control, theirs = socket.socketpair()
        outputs = {
            stream: Output(cell.breakage if cell is not None and cell.stream == stream else None)
            for stream in STREAMS
        }
        request = {
            "argv": argv,
            "cwd": str(folder),
            "env": {"SEGMIND_BASE_URL": url, "SEGMIND_API_KEY": KEY, "COLUMNS": "200"},
            "stream": cell.stream if cell else "stdout",
            "breakage": cell.breakage if cell else "",
            "pause": _DEMO_PAUSES[cell.moment] if cell and cell.command == "demo" else None,
        }
        fds = [outputs["stdout"].writing, outputs["stderr"].writing, theirs.fileno()]
        with self._lock:
            socket.send_fds(self._requests, [json.dumps(request).encode()], fds)
        theirs.close()
        for output in outputs.values():
            os.close(output.writing)
        child = Child(cell, outputs, control)
        try:
            yield child
        finally:
            child.close()

    def run(self, argv: Sequence[str], folder: Path, url: str) -> tuple[int, str]:
        """Runs a command with whole streams to its end: the exit code, and all that it printed."""
        with self.child(argv, folder, url, None) as child:
            child.go()
            code = child.wait()
            for output in child.outputs.values():
                output.join()
        return code, "".join(output.text for output in child.outputs.values())


OUT = "画.png"
FOLDER = "出力"
BATCH = ["batch", "pairs.csv", "--out", FOLDER, "--concurrency", "2"]
PICTURES = 3
_DEMO_PAUSES = {
    # The emulator of the demo is in the process of the demo: the demo stops after so many events of a kind.
    ACCEPTED: ("Accepted", 1),
    SAVING: ("Saved", 1),
    FINAL: ("Saved", 6),
}


class Run:
    """The run of one cell: prepares a folder, runs the command, and lists what is wrong with the ending."""

    def __init__(self, zygote: Zygote, cell: Cell, folder: Path) -> None:
        self._zygote = zygote
        self._cell = cell
        self._folder = folder
        self._armed: Child | None = None
        final = {"upload": "last upload", "credits": FINAL}.get(cell.command, "last file")
        self._mark_of_moment = final if cell.moment == FINAL else cell.moment
        pictures = {"upload": 2, "batch": PICTURES, "resume": PICTURES}.get(cell.command, 1)
        self.emulator = MarkedEmulator(self._mark, pictures=pictures)

    def _mark(self, moment: str) -> None:
        child = self._armed
        if child is None or moment != self._mark_of_moment:
            return
        if child.break_stream() and self._cell.fate.name == "interrupted":
            child.interrupt()
            time.sleep(0.05)  # the client sees the signal before the answer

    def problems(self) -> list[str]:
        """What is wrong: an exit code that is not true, a swap that is lost or paid twice."""
        self._folder.mkdir()
        for name in ("hero", "s0", "s1", "s2"):
            (self._folder / f"{name}.png").write_bytes(png(hash_of(name)))
        rows = "".join(f"s{n},hero.png,s{n}.png\n" for n in range(PICTURES))
        (self._folder / "pairs.csv").write_text(f"id,reference_character_image,character_image\n{rows}")
        with self.emulator.serve() as url:
            argv = self._argv(url)
            for fault in self._cell.fate.faults:
                self.emulator.inject(fault)
            if self._cell.fate.name == "unfinished":
                self.emulator.is_stuck = True
                argv += ["--timeout", "3"]  # the moment comes before the timeout, on a busy machine too
            code, broken = self._run(argv, url)
            self.emulator.withdraw_all()
            self.emulator.is_stuck = False
            found = [] if broken else ["the moment never came"]
            if code != self._cell.fate.code:
                found.append(f"the exit code is {code}, not {self._cell.fate.code}")
            found += self._lost(url)
            if self.emulator.paid_twice():
                found.append("a swap was paid twice")
        return found

    def _run(self, argv: Sequence[str], url: str) -> tuple[int, bool]:
        cell = self._cell
        is_at_start = cell.command in {"status", "resolve", "emulator"}
        with self._zygote.child(argv, self._folder, url, cell) as child:
            if is_at_start:
                child.break_stream()
            self._armed = child
            child.go()
            if cell.command == "demo" and child.reaches_moment():
                child.break_stream()
                child.go()
            if cell.command == "emulator":
                self._use(f"http://127.0.0.1:{argv[-1]}")
                child.interrupt(signal.SIGTERM)
            code = child.wait()
            self._armed = None
            return code, child.is_broken

    def _argv(self, url: str) -> list[str]:
        cell = self._cell
        as_json = ["--json"] if MOMENTS.index(cell.moment) % 2 else []
        pair = ["--reference", "hero.png", "--scene", "s0.png", "--out", OUT]
        match cell.command:
            case "swap":
                return ["swap", *pair, *as_json]
            case "wait":
                self._prepare(["swap", *pair, "--timeout", "0.001"], url)
                return ["wait", f"{OUT}.job.json", "--out", OUT, *as_json]
            case "batch":
                return [*BATCH, *as_json]
            case "resume" | "status" | "resolve":
                # Two jobs are accepted and not finished, and one input is not sent.
                self._prepare([*BATCH, "--timeout", "0.001", "--budget", "0.31"], url)
                return {
                    "resume": [*BATCH, *as_json],
                    "status": ["status", FOLDER, *as_json],
                    "resolve": ["resolve", FOLDER, "s0", "--abandon"],
                }[cell.command]
            case "upload":
                return ["upload", "s0.png", "s1.png", *as_json]
            case "credits":
                return ["credits", *as_json]
            case "emulator":
                with socket.socket() as free:
                    free.bind(("127.0.0.1", 0))
                    return ["emulator", "--engine", "none", "--port", str(free.getsockname()[1])]
            case _:
                return ["demo", "--out", FOLDER]

    def _prepare(self, argv: Sequence[str], url: str) -> None:
        self._zygote.run(argv, self._folder, url)
        self.emulator.settle(url)

    def _use(self, url: str) -> None:
        """Calls an emulator until it answers. The test fails if it never does."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if httpx.get(f"{url}/v1/get-user-credits", headers={"x-api-key": KEY}).status_code == 200:
                    return
            time.sleep(0.02)

    def _lost(self, url: str) -> list[str]:
        """What was charged, and is neither saved nor can be fetched for nothing."""
        charges = len(self.emulator.ledger)
        fate = self._cell.fate.name
        match self._cell.command:
            case "swap" | "wait":
                if fate in {"failed", "unknown"}:
                    return [] if charges == 1 else [f"{charges} charges"]
                job = self._folder / f"{OUT}.job.json"
                if job.exists():
                    self._zygote.run(["wait", job.name, "--out", OUT], self._folder, url)
                saved = (self._folder / OUT).exists()
                return [] if saved == charges else [f"{charges} charges, {saved:d} saved"]
            case "batch" | "resume":
                missing = [
                    name
                    for name in ("results.jsonl", "report.html")
                    if not (self._folder / FOLDER / name).exists()
                ]
                if fate in {"failed", "unknown", "refused"}:
                    state = {"refused": "rejected"}.get(fate, fate)
                    counted = self._states().get(state, 0)
                    expected = 0 if fate == "refused" else counted
                    wrong = (
                        []
                        if (counted, charges) == (PICTURES, expected)
                        else [f"{counted} {state}, {charges} charges"]
                    )
                    return missing + wrong
                code, text = self._zygote.run(BATCH, self._folder, url)
                states, charges = self._states(), len(self.emulator.ledger)
                if (code, states, charges) != (0, {"saved": PICTURES}, PICTURES):
                    return [*missing, f"the next run: {code}, {states}, {charges} charges: {text}"]
                return missing
            case "resolve":
                return [] if self._states().get("abandoned") == 1 else ["the decision was not recorded"]
            case "demo":
                pictures = list((self._folder / FOLDER).glob("*.png"))
                has_report = (self._folder / FOLDER / "report.html").exists()
                return (
                    [] if len(pictures) == 6 and has_report else [f"{len(pictures)} pictures, {has_report=}"]
                )
            case _:
                return []

    def _states(self) -> dict[str, int]:
        try:
            states = Journal(self._folder / FOLDER / "journal.db").summary().states
        except JournalError:
            return {}
        return {state.value: count for state, count in states.items()}


def hash_of(name: str) -> int:
    """A number for a picture, so that each picture has bytes of its own."""
    return sum(ord(letter) << 4 * place for place, letter in enumerate(name)) % 2**24
