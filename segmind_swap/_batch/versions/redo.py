"""A redo: finds the pictures of each swap again, and begins the next version of all of them, or of none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..._api.ids import canonical_id
from ..._concurrency import run_in_thread
from ..._errors import ConfigurationError, ImageError, JournalError, SwapError
from ..._models import ImageInput, RedoRequest, SwapRequest, Value
from ..._outcome import OutcomeState, SwapOutcome
from ..._policy.decisions import similar_ids
from ..._policy.redo import RedoStep, redo_step, unsaved_problem
from ..._protocols.entry import Entry, EntryConflict, NewVersion
from ..._protocols.ledger import Ledger, LedgerSource, LedgerView
from ..._swap.output_files import is_kept, name_is_used
from ..inputs import BegunInputs, InputSource, batch_input_of, is_description
from .entries import BegunVersions
from .files import moved_to

if TYPE_CHECKING:
    from ..._swap.uploads import Uploads

_MAX_PROBLEMS = 20


class RedoPlan(Value):
    """What a redo would do; see `SwapClient.check_redo`.

    Attributes:
        to_submit: The ids whose next version would be submitted, and paid.
        to_finish: The ids whose next version an earlier run of this redo has submitted. To finish it is free.
        ended: The ids whose next version has ended already, with its state. Nothing is done for them. A
            version that is SENDING is told as UNKNOWN: the redo makes it so if its run was killed.
        rejected: A rejected outcome, with its error, for each swap that cannot be redone. A redo with one of
            them begins no version at all.
    """

    to_submit: tuple[str, ...]
    to_finish: tuple[str, ...]
    ended: Mapping[str, OutcomeState]
    rejected: tuple[SwapOutcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """One swap that can be redone.

    Attributes:
        new: The version that the redo wants.
        request: The pictures of the version.
        step: What is done.
        begun: The entry of the version, if an earlier run has begun it.
    """

    new: NewVersion
    request: SwapRequest
    step: RedoStep
    begun: Entry | None


class Redo(InputSource):
    """The swaps that are made again, as they were given.

    Args:
        swaps: The swaps. A swap without a picture of its own gets that of the version which is redone.
        reference: The reference of all swaps that name none; None for the same reference as before.
        save_to: Where the new pictures are saved; None if they are not saved.
    """

    def __init__(
        self,
        swaps: Iterable[str | RedoRequest],
        reference: ImageInput | None,
        *,
        save_to: Path | None = None,
    ) -> None:
        """Reads nothing yet.

        Raises:
            ConfigurationError: an element of `swaps` is no id and no `RedoRequest`.
        """
        if isinstance(swaps, str):
            raise ConfigurationError(
                f"a redo takes a list of ids, not the string {swaps!r}: give [{swaps!r}]"
            )
        self._swaps = [_redo_request(swap) for swap in swaps]
        self._save_to = save_to
        # As text, if it is a path.
        self._reference = RedoRequest(id="", reference_character_image=reference).reference_character_image

    async def begin(self, ledger: Ledger, uploads: Uploads) -> BegunInputs:
        """Begins the versions, all of them in one step. Sends nothing.

        Raises:
            ConfigurationError: a swap cannot be redone; the message names each. No version was begun.
            JournalError: the ledger failed.
        """
        planned: list[_Planned] = []
        problems: list[str] = []
        async for found in self._planned(ledger, uploads):
            if isinstance(found, _Planned):
                planned.append(found)
            else:
                problems.append(str(found.error))
        if problems:
            raise ConfigurationError(_message(problems))
        try:
            begun = await ledger.begin_versions([one.new for one in planned])
        except EntryConflict as exc:
            raise JournalError(str(exc), path=ledger.name) from None
        return BegunInputs(requests=[one.request for one in planned], entries=BegunVersions(ledger, begun))

    async def plan(self, ledger: LedgerView, uploads: Uploads) -> RedoPlan:
        """What `begin` and the run after it would do. Sends and writes nothing.

        Raises:
            JournalError: the ledger cannot be read.
        """
        to_submit, to_finish, rejected = [], [], []
        ended: dict[str, OutcomeState] = {}
        async for found in self._planned(ledger, uploads):
            if isinstance(found, SwapOutcome):
                rejected.append(found)
                continue
            id, begun = found.new.id, found.begun
            if begun is None or found.step is RedoStep.REPLACE or begun.state is OutcomeState.PENDING:
                to_submit.append(id)
            elif begun.state is OutcomeState.SENDING:
                # Its run is killed, or still runs: then the redo cannot open the ledger, and nothing is free.
                ended[id] = OutcomeState.UNKNOWN
            elif begun.state.is_resumed:
                to_finish.append(id)
            else:
                ended[id] = begun.state
        return RedoPlan(
            to_submit=tuple(to_submit), to_finish=tuple(to_finish), ended=ended, rejected=tuple(rejected)
        )

    async def _planned(
        self, ledger: LedgerView, uploads: Uploads
    ) -> AsyncGenerator[_Planned | SwapOutcome, None]:
        """Each swap: what is done, or the outcome of a swap that cannot be redone."""
        versions: defaultdict[str, list[Entry]] = defaultdict(list)
        async with aclosing(ledger.versions([swap.id for swap in self._swaps])) as entries:
            async for entry in entries:
                versions[canonical_id(entry.id)].append(entry)
        others = await _ids_of(ledger) if any(not versions[canonical_id(s.id)] for s in self._swaps) else []
        reference = None
        if self._reference is not None:
            reference = await _read_once(uploads, self._reference)
        seen: set[str] = set()
        for swap in self._swaps:
            key = canonical_id(swap.id)
            try:
                if key in seen:
                    raise ConfigurationError(f"{swap.id!r} is given twice: a redo makes one version of each")
                if not versions[key]:
                    raise EntryConflict(f"there is no swap {swap.id!r} to redo{similar_ids(swap.id, others)}")
                yield await self._one(uploads, swap, versions[key], reference)
            except (ConfigurationError, ImageError) as exc:
                yield _rejected(swap, exc)
            except EntryConflict as exc:
                yield _rejected(swap, JournalError(str(exc), path=ledger.name))
            seen.add(key)

    async def _one(
        self, uploads: Uploads, swap: RedoRequest, versions: Sequence[Entry], reference: ImageInput | None
    ) -> _Planned:
        """What is done for one swap.

        Raises:
            EntryConflict, ConfigurationError, ImageError: the swap cannot be redone.
        """
        latest = versions[-1] if versions else None
        # The state says more than a picture that is missing.
        pictures = "" if latest is None else latest.fingerprint
        redo_step(_new(swap, latest, pictures, names=("", "")), latest)
        before = next(entry for entry in versions if entry.version == swap.version)
        begun = versions[-1] if versions[-1].version > swap.version else None
        if self._save_to is not None:
            is_to_submit = begun is None or begun.state is OutcomeState.PENDING
            if is_to_submit and before.state is OutcomeState.COMPLETED:
                raise ConfigurationError(unsaved_problem(before))
            await run_in_thread(partial(_check_folder, before, self._save_to))
        request = _request_of(swap, before, reference)
        names = request.reference_character_image, request.character_image
        try:
            batch_input = await batch_input_of(uploads, request)
        except ImageError as exc:
            # An earlier run has submitted the version, so its missing pictures are not needed any more.
            if begun is None or begun.state is OutcomeState.PENDING:
                raise _about(swap.id, exc) from None
            if (begun.reference, begun.scene) != names:
                raise _about(swap.id, exc) from None
            new = _new(swap, begun, begun.fingerprint, names=(begun.reference, begun.scene))
            return _Planned(new=new, request=request, step=redo_step(new, begun), begun=begun)
        is_given = reference is not None or _has_a_picture(swap)
        if not is_given and batch_input.fingerprint != before.fingerprint:
            raise ConfigurationError(
                f"a picture of {before.id!r} ({before.reference} or {before.scene}) was changed since version"
                f" {before.version} was made: put it back, or give the reference again, to use both pictures"
                " as they are now"
            )
        new = _new(swap, before, batch_input.fingerprint, names=batch_input.names)
        images = dict(zip(("reference_character_image", "character_image"), batch_input.images, strict=True))
        return _Planned(
            new=new,
            request=request.model_copy(update=images),
            step=redo_step(new, versions[-1]),
            begun=begun,
        )


async def _ids_of(ledger: LedgerView) -> list[str]:
    async with aclosing(ledger.versions()) as entries:
        return [entry.id async for entry in entries if entry.version == 1]


async def plan_of(
    redo: Redo, source: LedgerSource, uploads: Uploads, *, origin: str, workflow: str
) -> RedoPlan:
    """What a redo would do with the ledger of a source. Sends and writes nothing.

    Raises:
        ImageError: the reference of all swaps cannot be used.
        JournalError: there is no ledger, or the ledger cannot be read, or is of another service.
    """
    ledger = await source.look(origin=origin, workflow=workflow)
    if ledger is None:
        raise JournalError("there is no journal: a redo needs the journal of the batch", path="")
    try:
        return await redo.plan(ledger, uploads)
    finally:
        await ledger.aclose()


def _redo_request(swap: object) -> RedoRequest:
    if isinstance(swap, RedoRequest):
        return swap
    if isinstance(swap, str):
        return RedoRequest(id=swap)
    raise ConfigurationError(f"a redo takes ids and RedoRequest(id=…), not a {type(swap).__name__}")


def _has_a_picture(swap: RedoRequest) -> bool:
    return swap.reference_character_image is not None or swap.character_image is not None


def _new(swap: RedoRequest, known: Entry | None, fingerprint: str, *, names: tuple[str, str]) -> NewVersion:
    return NewVersion(
        id=swap.id if known is None else known.id,
        after=swap.version,
        fingerprint=fingerprint,
        reference=names[0],
        scene=names[1],
    )


def _request_of(swap: RedoRequest, before: Entry, reference: ImageInput | None) -> SwapRequest:
    """The pictures of a redo: those that were given, else those of the version before.

    Raises:
        ConfigurationError: the journal has only the description of a picture, which was given as bytes.
    """
    pictures: dict[str, ImageInput] = {}
    reference = swap.reference_character_image or reference
    for name, role, known, given in (
        ("reference_character_image", "reference", before.reference, reference),
        ("character_image", "scene", before.scene, swap.character_image),
    ):
        if given is None and is_description(known):
            raise ConfigurationError(
                f"the journal has no file of the {role} of {before.id!r}, which was given as bytes"
                f" ({known}): give the {role} again"
            )
        pictures[name] = known if given is None else given
    return SwapRequest(id=before.id, **pictures)


async def _read_once(uploads: Uploads, image: ImageInput) -> ImageInput:
    """A picture that is no path is read here, once: an open file can be read by one swap only.

    Raises:
        ImageError: the picture cannot be used.
    """
    if isinstance(image, str):
        return image
    async with uploads.loaded(image) as (loaded,):
        return loaded if isinstance(loaded, str) else loaded.data


def _check_folder(before: Entry, folder: Path) -> None:
    """Refuses another folder than that which has the picture of the version before.

    Each folder would have the name of the current version, and one of them the picture of another version.

    Raises:
        ConfigurationError: the picture is in another folder.
    """
    path = None if before.result is None else before.result.path
    if path is not None and path.is_file() and not name_is_used(moved_to(folder, path)):
        home = path.parent.parent if is_kept(path) else path.parent
        raise ConfigurationError(
            f"the picture of {before.id!r} is in {home}, and the redo saves to {folder}: save to the folder"
            " of the batch, or move that folder"
        )


def _about(id: str, error: ImageError) -> ImageError:
    return ImageError(f"{id!r} cannot be redone: {error}", image=error.image)


def _rejected(swap: RedoRequest, error: SwapError) -> SwapOutcome:
    request = SwapRequest(
        id=swap.id,
        reference_character_image=swap.reference_character_image or "",
        character_image=swap.character_image or "",
    )
    return SwapOutcome(request=request, state=OutcomeState.REJECTED, error=error, version=swap.version + 1)


def _message(problems: Sequence[str]) -> str:
    shown = [f"  {problem}" for problem in dict.fromkeys(problems)]
    if (hidden := len(shown) - _MAX_PROBLEMS) > 0:
        shown[_MAX_PROBLEMS:] = [f"  and {hidden:,} more"]
    count = "1 swap cannot be redone" if len(problems) == 1 else f"{len(problems):,} swaps cannot be redone"
    return "\n".join([f"{count}; nothing was sent, and no version was begun", *shown])
