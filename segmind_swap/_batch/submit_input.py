"""Submits one input of a batch: uploads its pictures, and repeats what failed before anything was sent."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import anyio

from .._api.image_header import LoadedImage
from .._api.messages import SwapUrls
from .._errors import (
    AuthenticationError,
    ConnectionFailedError,
    ImageError,
    InsufficientCreditsError,
    RateLimitError,
    ServerError,
    StatusError,
    SwapError,
)
from .._models import SwapJob
from .._policy.retry import backoff
from .._protocols.submit_record import SubmitRecord
from .._swap.account import SwapAccount
from .._swap.submit import submit
from .fingerprint import fingerprint_of, identity_of
from .inputs import BatchInput

if TYPE_CHECKING:
    from .._swap.session import Session
    from .._swap.uploads import Uploads

REFUSES_EVERY_CALL = (AuthenticationError, InsufficientCreditsError)
"""The service would refuse every other call of the account in the same way."""

_SHORTEST_PAUSE = 1.0


class PictureRefused(Exception):  # noqa: N818 - an event, whose error becomes an outcome
    """The upload service refuses a picture."""

    def __init__(self, error: SwapError) -> None:
        super().__init__(str(error))
        self.error = error


class _UploadFailed(Exception):  # noqa: N818 - an event, and no error of the user's
    """The upload service does not answer."""


def with_message(error: SwapError, message: str) -> SwapError:
    """A copy of an error, with another message."""
    renamed = copy.copy(error)
    renamed.args = (message,)
    return renamed


async def submit_input(
    session: Session,
    uploads: Uploads,
    batch_input: BatchInput,
    *,
    swap: int,
    id: str | None,
    account: SwapAccount,
    record: SubmitRecord,
) -> SwapJob:
    """Submits until there is a job. After a failure in which nothing was sent, it submits again.

    Args:
        session: The session.
        uploads: The uploads of the session.
        batch_input: The pictures.
        swap: The number of the swap, for the events.
        id: The id of the swap.
        account: The entry of the swap, with its POSTs in doubt.
        record: Records each POST.

    Raises:
        ImageError: a picture was changed while the batch ran. Nothing was sent.
        PictureRefused: the upload service refuses a picture. Nothing was sent.
        Exception: each other exception of an upload or of `submit`.
    """
    failures = 0
    while True:
        try:
            urls = await _uploaded(uploads, batch_input, swap=swap, id=id)
            return await submit(session, urls, swap=swap, id=id, in_doubt=account.in_doubt, record=record)
        except (ConnectionFailedError, RateLimitError, _UploadFailed):
            failures += 1
            await anyio.sleep(max(_SHORTEST_PAUSE, backoff(session.retry, failures)))


async def _uploaded(uploads: Uploads, batch_input: BatchInput, *, swap: int, id: str | None) -> SwapUrls:
    async with uploads.loaded(*batch_input.images) as loaded:
        if fingerprint_of([identity_of(image) for image in loaded]) != batch_input.fingerprint:
            raise ImageError(
                f"a picture of {id!r} was changed while the batch ran", image=batch_input.names[1]
            )
        reference, scene = [
            await _url_of(uploads, image, swap=swap, name=f"the picture {name} of {id!r}")
            for image, name in zip(loaded, batch_input.names, strict=True)
        ]
    return SwapUrls(reference=reference, scene=scene)


async def _url_of(uploads: Uploads, image: LoadedImage | str, *, swap: int, name: str) -> str:
    try:
        return await uploads.url_of(image, swap=swap)
    except ServerError as exc:
        raise _UploadFailed from exc
    except (RateLimitError, *REFUSES_EVERY_CALL):
        raise
    except StatusError as exc:
        # A firewall, or a limit of the upload service: other pictures may well be taken.
        raise PictureRefused(with_message(exc, f"{name} cannot be uploaded: {exc}")) from exc
