"""The engine `Preview`, which the emulator calls."""

from functools import partial

import anyio.to_thread

from .._pictures.engine import Picture, SwapImpossible
from .._pictures.sheet import sheet
from ._label import LABEL
from ._swap import NoCharacter, swap


class Preview:
    """An engine that makes the swap in a worker thread: ``Emulator(engine=Preview(ribbon=False))``.

    A picture that was not uploaded to the emulator is not downloaded. Then the labelled sheet is returned.

    Args:
        ribbon: Whether "local preview" is written in the corner of each picture. The picture's metadata and
            the response to the last poll always say so.
    """

    label = LABEL

    def __init__(self, *, ribbon: bool = True) -> None:
        self._ribbon = ribbon

    async def __call__(self, *, reference: Picture, scene: Picture) -> bytes:
        """The scene with the reference's character, as PNG. Takes some seconds.

        Raises:
            SwapImpossible: no character was found in one of the pictures.
        """
        return await anyio.to_thread.run_sync(partial(self._make, reference, scene))

    def _make(self, reference: Picture, scene: Picture) -> bytes:
        if reference.data is None or scene.data is None:
            return sheet(reference=reference, scene=scene)
        try:
            return swap(reference.data, scene.data, ribbon=self._ribbon)
        except NoCharacter as missing:
            raise SwapImpossible(str(missing)) from missing
