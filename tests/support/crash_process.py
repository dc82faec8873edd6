"""A batch, or a service, that kills its own process where it is told to. Run as a program.

See `test_crash_points` and `test_service_killed`.

The code under test has no hooks. Its seams are wrapped here, in a process that dies anyway. Python starts
once: for each line of its input this program forks, and tells how that process has ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import anyio
import anyio._backends._asyncio
import anyio._backends._trio  # both are loaded before the fork

from segmind_swap import (
    Accepted,
    Event,
    PollPolicy,
    RetryPolicy,
    SwapClient,
    SwapRequest,
    SwapResult,
    SwapService,
)
from segmind_swap._batch.versions.files import VersionFile
from segmind_swap._http.body import OneShotBody
from segmind_swap._http.client import Lease
from segmind_swap._journal.orders.rows import OrderRows
from segmind_swap._journal.store import Store
from segmind_swap._journal.versions import Versions
from segmind_swap._models import Call
from segmind_swap._protocols.entry import Entry, NewEntry, NewVersion
from segmind_swap._service import spool
from segmind_swap._service.spool import FileSpool
from segmind_swap._swap.output_files import OutputFile

TOO_LONG = 300
"""Real seconds after which a process that neither dies nor ends is ended, so that its test fails."""


ANY = "*"


class Case(TypedDict):
    """One run of a batch, or of a redo of all its swaps (`redo`), with a policy of submits.

    With `once`, all its swaps have the pictures of the first one, and are paid for once. With `reference`,
    the hexadecimal digits of a picture, it is a service that gets the swaps from an application.

    It dies at `point` of the swap `id`; where there is none, it runs to its end.
    """

    redo: bool
    policy: Literal["documented", "strict"]
    url: str
    folder: str
    scenes: str
    items: int
    at_once: int
    backend: str
    point: str
    id: str
    once: bool
    reference: NotRequired[str]


class Death:
    """Waits for one swap at one point; for any swap if the id is `ANY`."""

    def __init__(self, point: str, id: str) -> None:
        self._at = (point, id)

    def awaits(self, point: str, id: str | None) -> bool:
        return self._at in {(point, id), (point, ANY)}

    def passes(self, point: str, id: str | None) -> None:
        if self.awaits(point, id):
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(TOO_LONG)


def watch_journal(death: Death, ids: dict[str, str], *, redo: bool) -> None:
    """Each step: `STATE in its commit`, while nothing of it is on the disk, and `STATE committed`.

    In a redo, a step of the first version is that of an `earlier STATE`, and the versions are `begun`.
    """
    take, step, copy, transaction = Store.take, Store.step, Store.copy, Store.transaction
    begin = Versions.begin
    stepped: list[tuple[str, str]] = []

    def watched_begin(self: Versions, versions: Sequence[NewVersion], *, run: int) -> list[Entry]:
        entries = begin(self, versions, run=run)
        for new in versions:
            death.passes("begun in its commit", new.id)
            stepped.append(("begun", new.id))
        return entries

    def watched_take(self: Store, swap: NewEntry) -> Entry:
        entry = take(self, swap)
        stepped.append(("pending", swap.id))
        return entry

    def watched_step(self: Store, number: int, state: Any, **fields: Any) -> None:
        step(self, number, state, **fields)
        entry = self.entry(number)
        id, name = entry.id, f"earlier {state}" if redo and entry.version == 1 else str(state)
        if fields.get("job") is not None:
            ids[fields["job"].poll_url] = id
        if fields.get("result") is not None:
            ids[fields["result"].url] = id
        death.passes(f"{name} in its commit", id)
        stepped.append((name, id))

    def watched_copy(self: Store, number: int, result: SwapResult) -> None:
        copy(self, number, result)
        id = self.entry(number).id
        death.passes("copied in its commit", id)
        stepped.append(("copied", id))

    @contextmanager
    def watched_transaction(self: Store) -> Iterator[None]:
        with transaction(self):
            yield
        for state, id in stepped:
            death.passes(f"{state} committed", id)
        stepped.clear()

    Versions.begin = watched_begin  # type: ignore[method-assign]
    Store.take = watched_take  # type: ignore[method-assign]
    Store.step = watched_step  # type: ignore[method-assign]
    Store.copy = watched_copy  # type: ignore[method-assign]
    Store.transaction = watched_transaction  # type: ignore[method-assign]


def watch_wire(death: Death, ids: dict[str, str]) -> None:
    """The last byte of a POST, and each attempt: `CALL sent`, `CALL answered`."""
    last, parts, attempt = OneShotBody._the_last, OneShotBody.__aiter__, Lease.send

    def id_in(body: bytes) -> str:
        return str(json.loads(body)["character_image"]).rpartition("/")[2]

    def watched_last(self: OneShotBody) -> bytes:
        death.passes("before the last byte", id_in(self._content))
        return last(self)

    class WatchedParts(AsyncIterator[bytes]):
        """A transport asks for the next part when it has written the one before."""

        def __init__(self, body: OneShotBody) -> None:
            self._parts = parts(body)
            self._body = body

        async def __anext__(self) -> bytes:
            try:
                return await anext(self._parts)
            except StopAsyncIteration:
                death.passes("after the last byte", id_in(self._body._content))
                raise

    def watched_parts(self: OneShotBody) -> AsyncIterator[bytes]:
        return WatchedParts(self)

    async def watched_attempt(self: Lease, request: Any, *more: Any) -> Any:
        id = id_in(request.body) if request.call is Call.SUBMIT else ids.get(request.url)
        death.passes(f"{request.call} to be sent", id)
        answer = await attempt(self, request, *more)
        death.passes(f"{request.call} answered", id)
        return answer

    OneShotBody._the_last = watched_last  # type: ignore[method-assign]
    OneShotBody.__aiter__ = watched_parts  # type: ignore[method-assign]
    Lease.send = watched_attempt  # type: ignore[method-assign,assignment]


def watch_files(death: Death) -> None:
    """The half of a file, and its name: by a link, or by a rename where the file system has no links.

    An `earlier file` gets its second name by a link, and is removed if the new one has another suffix.
    """
    write, link, rename, opened = OutputFile.write, os.link, Path.replace, Path.open
    keep, unlink = VersionFile.keep_earlier, Path.unlink
    here = threading.local()

    def watched_keep(self: VersionFile) -> dict[int, Path]:
        here.id = None
        death.passes("earlier file to be kept", self.path.name)
        kept = keep(self)
        death.passes("earlier file kept", self.path.name)
        return kept

    def watched_unlink(self: Path, missing_ok: bool = False) -> None:
        if self.suffix != ".part":
            death.passes("earlier file to be removed", self.stem)
        unlink(self, missing_ok=missing_ok)
        if self.suffix != ".part":
            death.passes("earlier file removed", self.stem)

    def watched_write(self: OutputFile, data: bytes, suffix: str) -> Path:
        here.id, here.data = self.path.name, data
        return write(self, data, suffix)

    def watched_open(self: Path, *more: Any, **options: Any) -> Any:
        file = opened(self, *more, **options)
        if self.suffix == ".part" and death.awaits("half a file", here.id):
            file.write(here.data[: len(here.data) // 2])
            file.flush()
            death.passes("half a file", here.id)
        return file

    def watched_link(source: Any, target: Any) -> None:
        death.passes("file to be linked", here.id)
        if death.awaits("file to be renamed", here.id) or death.awaits("file renamed", here.id):
            raise PermissionError("this file system has no hard links")
        link(source, target)
        death.passes("file linked", here.id)

    def watched_rename(self: Path, target: Any) -> Any:
        death.passes("file to be renamed", here.id)
        renamed = rename(self, target)
        death.passes("file renamed", here.id)
        return renamed

    VersionFile.keep_earlier = watched_keep  # type: ignore[method-assign]
    Path.unlink = watched_unlink  # type: ignore[method-assign]
    OutputFile.write = watched_write  # type: ignore[method-assign]
    Path.open = watched_open  # type: ignore[method-assign]
    Path.replace = watched_rename  # type: ignore[method-assign]
    os.link = watched_link  # type: ignore[assignment]


def watch_orders(death: Death) -> None:
    """The pictures of an order in the spool, and the row of the order, which is then `pending committed`."""
    put, remove, write, add = FileSpool.put, FileSpool.remove, spool._write_new, OrderRows.add
    ids: dict[str, str] = {}

    async def watched_put(self: FileSpool, names: Sequence[str], pictures: Any) -> None:
        id = names[1].rpartition("/")[2]  # the scene is a URL
        ids[names[0]] = id
        death.passes("spool to be written", id)
        await put(self, names, pictures)
        death.passes("spool written", id)

    def watched_write(path: Path, data: bytes) -> None:
        if death.awaits("half a spool", ids.get(path.name)):
            write(path, data[: len(data) // 2])
        death.passes("half a spool", ids.get(path.name))
        write(path, data)

    async def watched_remove(self: FileSpool, names: Any) -> None:
        removed = {ids[name] for name in names if name in ids}
        for id in removed:
            death.passes("spool to be removed", id)
        await remove(self, names)
        for id in removed:
            death.passes("spool removed", id)

    def watched_add(self: OrderRows, order: Any, **more: Any) -> Any:
        added = add(self, order, **more)
        death.passes("order in its commit", order.swap.id)
        return added

    FileSpool.put = watched_put  # type: ignore[method-assign]
    FileSpool.remove = watched_remove  # type: ignore[method-assign]
    spool._write_new = watched_write
    OrderRows.add = watched_add  # type: ignore[method-assign]


def client_of(case: Case, death: Death) -> SwapClient:
    """The client, whose events the death hears."""

    def heard(event: Event) -> None:
        if isinstance(event, Accepted):
            death.passes("job told", event.id)

    return SwapClient(
        "emulator-key",
        base_url=case["url"],
        verify=False,  # nothing here speaks TLS, which takes long to set up
        max_in_flight=case["at_once"],
        polling=PollPolicy(interval=0.02),
        retry=RetryPolicy(submit=case["policy"]),
        on_event=heard,
    )


async def serve(case: Case, death: Death) -> None:
    """A service, and the application that asks it for its swaps and waits for each of them."""
    folder = Path(case["folder"])
    ids = [f"s{number}" for number in range(case["items"])]
    given: dict[str, str] = {}
    client = client_of(case, death)
    async with client, SwapService(client, journal=folder / "run.db", save_to=folder / "out") as service:
        for id in ids:
            await service.enqueue(
                id,
                reference_character_image=bytes.fromhex(case["reference"]),
                character_image=f"{case['scenes']}/{id}",
            )
        for id in ids:
            async for update in service.updates(id):
                given[id] = update.state
            death.passes("outcome given", id)
    (folder / "given.json").write_text(json.dumps(given))


async def batch(case: Case, death: Death) -> None:
    """The run itself. One that comes to its end leaves the states that it has given out."""
    requests = [
        SwapRequest(
            id=f"s{number}",
            reference_character_image="https://pictures.example/hero.png",
            character_image=f"{case['scenes']}/s{0 if case['once'] else number}",
        )
        for number in range(case["items"])
    ]
    folder = Path(case["folder"])
    client = client_of(case, death)
    given: dict[str, str] = {}
    files: dict[str, Any] = {"journal": folder / "run.db", "save_to": folder / "out"}
    if case["redo"]:
        swaps = client.redo([str(request.id) for request in requests], **files)
    else:
        swaps = client.swap_many(requests, once_per_picture=case["once"], **files)
    async with client, swaps as outcomes:
        async for outcome in outcomes:
            assert outcome.request.id is not None
            given[outcome.request.id] = outcome.state
            death.passes("outcome given", outcome.request.id)
    (folder / "given.json").write_text(json.dumps(given))


def run(case: Case) -> int:
    """A process of its own for one run; how it has ended, as `subprocess` has it."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.alarm(TOO_LONG)
            death, ids = Death(case["point"], case["id"]), dict[str, str]()
            if case["point"]:
                watch_journal(death, ids, redo=case["redo"])
                watch_wire(death, ids)
                watch_files(death)
                watch_orders(death)
            anyio.run(serve if "reference" in case else batch, case, death, backend=case["backend"])
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    # A shell that runs the tests in the background ignores it, and children would too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for line in sys.stdin:
        print(run(json.loads(line)), flush=True)
