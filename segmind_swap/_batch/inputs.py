"""The inputs of a batch: taken one at a time, checked, and identified."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from .._api.ids import id_problem
from .._api.image_header import LoadedImage
from .._errors import ConfigurationError, NoResultsError
from .._models import ImageInput, SwapRequest
from .._outcome import SwapOutcome
from .._protocols.entry import NewEntry
from .._protocols.ledger import Ledger
from .._swap.output_files import OutputFile
from .fingerprint import fingerprint_of, identity_of
from .versions.entries import Entries

if TYPE_CHECKING:
    from .._swap.uploads import Uploads

Requests: TypeAlias = Iterable[SwapRequest] | AsyncIterable[SwapRequest]
"""The source of a batch's swaps. The batch takes one request at a time, when a slot is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunInputs:
    """The inputs of a batch whose ledger is open.

    Attributes:
        requests: The requests.
        entries: Which entry of the ledger belongs to a request.
        count_ending: Counts how a swap has ended, in place of the batch. It returns the error of a batch that
            must stop now. None if the batch counts by itself, from zero.
        are_continued: Whether another run continues these swaps without being told: no warning is needed
            about a job that this run no longer waits for.
        rejects_for_good: Whether a REJECTED swap stays so, also if later refusals show that the account was
            refused. Somebody was told that the swap has ended, and must not be charged for it later.
    """

    requests: Requests
    entries: Entries
    count_ending: Callable[[SwapOutcome], NoResultsError | None] | None = None
    are_continued: bool = False
    rejects_for_good: bool = False


class InputSource(ABC):
    """Inputs that need the open ledger before the batch takes the first of them."""

    @abstractmethod
    async def begin(self, ledger: Ledger, uploads: Uploads) -> BegunInputs:
        """The inputs. The batch does not begin if this raises.

        Raises:
            ConfigurationError, JournalError: the batch cannot begin.
        """


async def listed(requests: Requests) -> list[SwapRequest]:
    """All requests as a list."""
    return [request async for request in each(requests)]


async def each(requests: Requests) -> AsyncGenerator[SwapRequest, None]:
    """The requests, one after the other.

    Raises:
        ConfigurationError: an element is no request.
    """
    if isinstance(requests, AsyncGenerator):
        async with aclosing(requests):
            async for request in requests:
                yield _checked(request)
    elif isinstance(requests, AsyncIterable):
        async for request in requests:
            yield _checked(request)
    else:
        for request in requests:
            yield _checked(request)


def _checked(request: object) -> SwapRequest:
    if isinstance(request, SwapRequest):
        return request
    shown = "a mapping" if isinstance(request, Mapping) else f"a {type(request).__name__}"
    raise ConfigurationError(
        f"a batch takes SwapRequest(id=…, reference_character_image=…, character_image=…), not {shown}"
    )


def known_ids(requests: Requests) -> list[str]:
    """The usable ids of requests that can be read before the batch takes them. An iterator is read once."""
    if not isinstance(requests, list | tuple):
        return []
    ids = (request.id for request in requests if isinstance(request, SwapRequest))
    return [id for id in ids if id is not None and id_problem(id) is None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInput:
    """The two pictures of a swap: the reference first, then the scene.

    Attributes:
        images: The pictures, for the upload: paths and URLs as strings, other pictures as bytes. A file is
            read again at the upload.
        names: The names of the pictures in reports.
        fingerprint: Identifies which pictures are swapped.
    """

    images: tuple[ImageInput, ImageInput]
    names: tuple[str, str]
    fingerprint: str

    def new_entry(self, id: str | None) -> NewEntry:
        """What a ledger gets of this input, under the id of its swap."""
        reference, scene = self.names
        return NewEntry(id=id or "", fingerprint=self.fingerprint, reference=reference, scene=scene)


def check_id(request: SwapRequest, *, needed: bool) -> None:
    """Refuses an id that cannot name a file, and a missing id that is needed.

    Raises:
        ConfigurationError: the id cannot be used.
    """
    if request.id is None:
        if needed:
            raise ConfigurationError("a swap of a batch with `journal` or `save_to` needs an id")
        return
    problem = id_problem(request.id)
    if problem is not None:
        raise ConfigurationError(f"the id {request.id!r} cannot be used: {problem}")


def output_file_of(request: SwapRequest, folder: Path) -> OutputFile:
    """The file that the picture of a request is saved to."""
    return OutputFile(folder / (request.id or ""), suffixed=True)


async def batch_input_of(uploads: Uploads, request: SwapRequest) -> BatchInput:
    """Reads and checks both pictures of a request.

    Raises:
        ImageError: a picture cannot be used.
    """
    images = request.reference_character_image, request.character_image
    async with uploads.loaded(*images) as loaded:
        kept = [
            image if isinstance(image, str) else cast("LoadedImage", content).data
            for image, content in zip(images, loaded, strict=True)
        ]
        return BatchInput(
            images=(kept[0], kept[1]),
            names=(name_of(images[0], loaded[0]), name_of(images[1], loaded[1])),
            fingerprint=fingerprint_of([identity_of(content) for content in loaded]),
        )


_DESCRIPTION = re.compile(r"image/\w+ of [\d,]+ bytes, sha256 [0-9a-f]{16}")


def is_description(name: str) -> bool:
    """Whether the name of a picture is no path and no URL, but describes bytes."""
    return _DESCRIPTION.fullmatch(name) is not None


def name_of(image: ImageInput, loaded: LoadedImage | str) -> str:
    """The name of a picture in reports: its path or URL as text, or a description of its bytes."""
    if isinstance(image, str):
        return image
    assert isinstance(loaded, LoadedImage)  # noqa: S101 - only a string can be a URL
    return f"{loaded.media_type} of {len(loaded.data):,} bytes, sha256 {loaded.sha256[:16]}"
