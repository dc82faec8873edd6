"""A check of the emulator's bill, with a message that names what is wrong."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from segmind_swap.emulator import Charge, Emulator

_SHOWN = 10


def assert_billed_once(emulator: Emulator, *, swaps: int | None = None) -> None:
    """Asserts that the emulator has billed every distinct swap once.

    Two swaps are the same if both pictures are the same: by content if they were uploaded, else by URL. A job
    whose response was lost counts like any other job. A failed job counts, unless its price was refunded.

    Args:
        emulator: The emulator whose ledger is checked.
        swaps: How many distinct swaps must have been billed; None for any number.

    Raises:
        AssertionError: a swap was billed more than once, or not exactly ``swaps`` were billed. The message
            names the swaps, their jobs, and the fault that spoilt the response of a job.
    """
    __tracebackhide__ = True
    billed: defaultdict[tuple[str, str], list[Charge]] = defaultdict(list)
    for charge in emulator.ledger:
        if not charge.refunded:
            billed[charge.identity].append(charge)
    repeated = [charges for charges in billed.values() if len(charges) > 1]
    problems = []
    if repeated:
        too_much = sum(charge.price_usd for charges in repeated for charge in charges[1:])
        verb = "was" if len(repeated) == 1 else "were"
        problems.append(
            f"{len(repeated)} of {_swaps(len(billed))} {verb} billed more than once: ${too_much:.4f} too much"
        )
    if swaps is not None and swaps != len(billed):
        problems.append(f"{_swaps(swaps)} should have been billed, not {len(billed)}")
    if problems:
        shown = repeated or list(billed.values())
        raise AssertionError("\n".join(["; ".join(problems), *_listed(shown)]))


def _listed(swaps: Sequence[Sequence[Charge]]) -> Iterator[str]:
    for charges in swaps[:_SHOWN]:
        first = charges[0]
        yield ""
        yield f"  reference  {first.reference_character_image}"
        yield f"  scene      {first.character_image}"
        for charge in charges:
            yield f"    {_described(charge)}"
    if len(swaps) > _SHOWN:
        yield f"\n  and {_swaps(len(swaps) - _SHOWN)} more"


def _described(charge: Charge) -> str:
    words = f"job {charge.number} ({charge.request_id}), accepted at {charge.accepted_at:.2f} s"
    return f"{words}; its answer was spoilt: {charge.fault}" if charge.fault else words


def _swaps(count: int) -> str:
    return f"{count} swap" if count == 1 else f"{count} swaps"
