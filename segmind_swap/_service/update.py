"""`SwapUpdate`: the state of one swap of a service, as its listeners get it."""

from __future__ import annotations

from datetime import datetime

from .._models import SwapJob, SwapResult, Value
from .._outcome import ErrorField, OutcomeState
from .._protocols.orders import Order


class SwapUpdate(Value):
    """The state of one swap of a service, at one moment.

    Attributes:
        id: The id of the swap, as its first `enqueue` has written it.
        owner: For whom the swap is made; None for nobody.
        change: Counts the changes of all swaps of the service: a later update has a higher number.
        state: The state of the swap.
        ordered_at: When the swap was enqueued, in UTC.
        is_final: Whether the service does nothing more for the swap. A swap that is ACCEPTED or COMPLETED may
            not be final yet.
        job: The job, which was accepted and billed; None if no job is known.
        result: The finished swap; None if the swap is not done.
        error: The error that ended the swap; None if there was no error.
        version: The version of the swap, from 1. A swap that is done and paid again has a next version.
    """

    id: str
    owner: str | None
    change: int
    state: OutcomeState
    ordered_at: datetime
    is_final: bool
    job: SwapJob | None = None
    result: SwapResult | None = None
    error: ErrorField | None = None
    version: int = 1


def update_of(order: Order, *, are_saved: bool) -> SwapUpdate:
    """The update of an order. `are_saved` says whether the service saves pictures."""
    entry = order.entry
    return SwapUpdate(
        id=order.id,
        owner=order.owner,
        change=order.change,
        state=order.state,
        ordered_at=order.ordered_at,
        is_final=is_final(order, are_saved=are_saved),
        job=entry.job,
        result=entry.result,
        error=entry.error,
        version=entry.version,
    )


def is_final(order: Order, *, are_saved: bool) -> bool:
    """Whether the service does nothing more for an order.

    The picture of a COMPLETED order is still to be saved, until the order has the error of the last attempt.
    """
    if order.state is OutcomeState.COMPLETED:
        return not are_saved or order.entry.error is not None
    return not order.state.is_under_way
