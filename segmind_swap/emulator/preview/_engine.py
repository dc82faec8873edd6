"""The engine that the emulator calls."""

from functools import partial

import anyio.to_thread

from .._pictures.engine import Picture, SwapImpossible
from .._pictures.sheet import sheet
from ._label import LABEL
from ._swap import NoCharacter, swap


class Preview:
    """Makes the swap itself, in a worker thread: ``Emulator(engine=Preview(ribbon=False))``.

    A picture which was not uploaded to the emulator is not fetched: then the labelled sheet is returned.

    Args:
        ribbon: Whether "local preview" stands in the corner of each picture. The picture's metadata and the
            last poll's answer say it anyway.
    """

    label = LABEL

    def __init__(self, *, ribbon: bool = True) -> None:
        self._ribbon = ribbon

    async def __call__(self, *, reference: Picture, scene: Picture) -> bytes:
        """The scene with the reference's character, as PNG; it takes some seconds.

        Raises:
            SwapImpossible: no character was found in one of them.
        """
        return await anyio.to_thread.run_sync(partial(self._make, reference, scene))

    def _make(self, reference: Picture, scene: Picture) -> bytes:
        if reference.data is None or scene.data is None:
            return sheet(reference=reference, scene=scene)
        try:
            return swap(reference.data, scene.data, ribbon=self._ribbon)
        except NoCharacter as nobody:
            raise SwapImpossible(str(nobody)) from nobody
