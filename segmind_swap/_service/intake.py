"""The intake of a service: checks an order before anything is written, and then writes it as a whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

from .._api.ids import id_problem
from .._api.image_header import LoadedImage
from .._api.text import CONTROLS, has_hidden, shorten
from .._batch.fingerprint import fingerprint_of, identity_of
from .._batch.inputs import name_of
from .._errors import ConfigurationError, IdConflictError, ImageError
from .._models import ImageInput
from .._protocols.entry import EntryConflict, NewEntry
from .._protocols.orders import NewOrder, Order, OrderLimits, Orders
from .._swap.images import is_url
from .._swap.uploads import Uploads
from .spool import Spool
from .update import is_final

if TYPE_CHECKING:
    from .._swap.session import Session

_MAX_OWNER = 200
_CONTROL = re.compile(f"[{CONTROLS}]")


def check_id(id: object) -> None:
    """Refuses an id that cannot name a file.

    Raises:
        ConfigurationError: the id cannot be used.
    """
    problem = id_problem(id) if isinstance(id, str) else "it is no text"
    if problem is not None:
        raise ConfigurationError(f"the id {_shown(id)} cannot be used: {problem}")


def check_owner(owner: object) -> None:
    """Refuses an owner that is no short text without hidden characters. None is allowed.

    Raises:
        ConfigurationError: the owner cannot be used.
    """
    problem = None
    if owner is None:
        return
    if not isinstance(owner, str):
        problem = f"it is a {type(owner).__name__}, and no text"
    elif not owner.strip():
        problem = "it is empty: give None for a swap without an owner"
    elif len(owner) > _MAX_OWNER:
        problem = f"it is longer than {_MAX_OWNER} characters"
    elif _CONTROL.search(owner) or has_hidden(owner):
        problem = "it has characters that cannot be seen"
    if problem is not None:
        raise ConfigurationError(f"the owner {_shown(owner)} cannot be used: {problem}")


def _shown(value: object) -> str:
    return shorten(repr(value)) if isinstance(value, str) else f"of the type {type(value).__name__}"


def _check_picture(image: object, role: str) -> None:
    """Refuses a text that is no URL.

    A service gets its texts from strangers, and each could name a file of the server.
    """
    if isinstance(image, str) and not (is_url(image) and image.strip().lower().startswith("http")):
        text = shorten(image)
        raise ImageError(
            f"the {role} is the text {text!r}, which is no http(s) URL. A service opens no file by a text,"
            " because the text may come from a stranger: give bytes, an open binary file or a PIL image; or"
            " a Path object if the name of the file is your own",
            image=text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPictures:
    """The two pictures of an order, the reference first.

    Attributes:
        loaded: The pictures.
        swap: The entry that the ledger gets.
    """

    loaded: Sequence[LoadedImage | str]
    swap: NewEntry


class Intake:
    """Checks and adds the orders of one process.

    Args:
        session: The session.
        orders: The orders.
        spool: The pictures of orders that are not sent yet.
        limits: The bounds of the orders.
        are_saved: Whether the service saves pictures.
        on_change: Gets each order that was added or found.
    """

    def __init__(
        self,
        session: Session,
        orders: Orders,
        spool: Spool,
        *,
        limits: OrderLimits,
        are_saved: bool,
        on_change: Callable[[Order], None],
    ) -> None:
        self._session = session
        # With slots of its own for memory: the swaps that are uploading must not delay a visitor.
        self._pictures = Uploads(session)
        self._orders = orders
        self._spool = spool
        self._limits = limits
        self._are_saved = are_saved
        self._on_change = on_change

    @asynccontextmanager
    async def checked(
        self, id: str, reference: ImageInput, scene: ImageInput
    ) -> AsyncIterator[CheckedPictures]:
        """Loads and checks the pictures of an order. Sends nothing.

        Raises:
            ImageError: a picture cannot be used.
        """
        _check_picture(reference, "reference")
        _check_picture(scene, "scene")
        async with self._pictures.loaded(reference, scene) as loaded:
            names = [
                name_of(image if isinstance(image, str) else b"", picture)
                for image, picture in zip((reference, scene), loaded, strict=True)
            ]
            swap = NewEntry(
                id=id,
                fingerprint=fingerprint_of([identity_of(picture) for picture in loaded]),
                reference=names[0],
                scene=names[1],
            )
            yield CheckedPictures(loaded=loaded, swap=swap)

    async def enqueue(
        self, id: str, reference: ImageInput, scene: ImageInput, *, owner: str | None, pay_again: bool
    ) -> Order:
        """Adds an order, or joins the order of the id. A cancelled call leaves a whole order, or nothing.

        Raises:
            ConfigurationError: the id or the owner cannot be used, or the client was closed.
            ImageError: a picture cannot be used.
            IdConflictError: the id belongs to other pictures.
            BudgetExceededError, LimitExceededError, ServiceStoppedError: the order may not be added.
            JournalError: the orders or the spool cannot be used.
        """
        check_id(id)
        check_owner(owner)
        async with self.checked(id, reference, scene) as pictures:
            known = (await self._orders.find([id])).get(id)
            if known is not None and known.entry.input.fingerprint != pictures.swap.fingerprint:
                raise _conflict(id)
            # A paid picture that is still to be saved must not be paid again: it would lose its file.
            if known is not None and not (pay_again and is_final(known, are_saved=self._are_saved)):
                order = known
            else:
                order = await self._added(pictures, owner=owner, pay_again=pay_again)
        self._on_change(order)
        return order

    async def _added(self, pictures: CheckedPictures, *, owner: str | None, pay_again: bool) -> Order:
        is_adding = False
        names = self._spool.names_for(pictures.loaded)

        async def spool_and_add() -> Order:
            nonlocal is_adding
            await self._spool.put(names, pictures.loaded)
            # A thread ends its work also if its caller is cancelled. Nothing is added then.
            await anyio.lowlevel.checkpoint_if_cancelled()
            is_adding = True
            order, _ = await self._orders.add(
                NewOrder(swap=pictures.swap, owner=owner, pictures=names),
                limits=self._limits,
                pay_again=pay_again,
            )
            self._on_change(order)
            return order

        async def work() -> Order:
            try:
                order = await spool_and_add()
            except BaseException as exc:
                # If a closing client has ended the wait for `add`, the order may be there: then its files
                # stay, and a later sweep removes them if the order is not.
                if isinstance(exc, Exception) or not is_adding:
                    await self._remove(names)
                raise
            if order.pictures != names:
                await self._remove(names)
            return order

        try:
            order = await self._session.detached.run(
                work, revoke=lambda: not is_adding, on_orphaned=lambda _: None
            )
        except EntryConflict:
            raise _conflict(pictures.swap.id) from None
        if order is None:
            raise ConfigurationError("the client was closed while a swap was enqueued")
        return order

    async def _remove(self, names: Sequence[str]) -> None:
        with anyio.CancelScope(shield=True):
            await self._spool.remove(names)


def _conflict(id: str) -> IdConflictError:
    return IdConflictError(
        f"the id {id!r} belongs to a swap with other pictures: give this swap another id", id=id
    )
