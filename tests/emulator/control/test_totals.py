"""Sums over a ledger, updated with what is new."""

from typing import Any

from segmind_swap.emulator._control.totals import Totals
from segmind_swap.emulator._service.ledger import Charge, Ledger


def ledger(**settings: Any) -> Ledger:
    return Ledger(
        **{
            "credits_usd": 10.0,
            "price_usd": 0.1,
            "job_time": 60.0,
            "record_lifetime": 3600.0,
            "refund_failed": False,
            **settings,
        }
    )


def accept(account: Ledger, reference: str = "https://a.example/hero", scene: str = "street") -> Charge:
    return account.accept(images=(reference, scene), digests=(None, None), now=0.0, fault=None)


def test_nothing_was_billed_at_first() -> None:
    assert Totals().summary() == {
        "jobs": 0,
        "running": 0,
        "completed": 0,
        "failed": 0,
        "billed_usd": 0.0,
        "billed_again": 0,
        "paid_twice": 0,
    }


def test_jobs_are_counted_once_however_often_the_sums_are_updated() -> None:
    account, totals = ledger(), Totals()
    first, second, _ = (accept(account, scene=f"https://a.example/{number}") for number in range(3))
    totals.update(account.charges())
    account.finish(first, None)
    account.finish(second, "Input image could not be decoded")
    for _ in range(3):
        totals.update(account.charges())
    assert totals.summary() == {
        "jobs": 3,
        "running": 1,
        "completed": 1,
        "failed": 1,
        "billed_usd": 0.3,
        "billed_again": 0,
        "paid_twice": 0,
    }


def test_a_refund_is_no_longer_billed() -> None:
    account, totals = ledger(refund_failed=True), Totals()
    charge = accept(account)
    totals.update(account.charges())
    account.finish(charge, "Input image could not be decoded")
    totals.update(account.charges())
    assert (totals.summary()["billed_usd"], account.credits_usd) == (0.0, 10.0)


def test_the_first_job_of_the_same_swap_is_named() -> None:
    account, totals = ledger(), Totals()
    first, other, second, third = (
        accept(account),
        accept(account, scene="park"),
        accept(account),
        accept(account),
    )
    totals.update(account.charges())
    assert [totals.billed_before(charge) for charge in (first, other, second, third)] == [None, None, 1, 1]
    assert totals.summary()["billed_again"] == 2


def test_a_swap_is_paid_twice_only_if_the_answer_before_was_lost() -> None:
    account, totals = ledger(), Totals()
    lost, again, wanted = accept(account), accept(account), accept(account)
    account.lose_answer(lost.request_id)
    other = accept(account, scene="park")
    account.lose_answer(other.request_id)
    totals.update(account.charges())
    found = [totals.lost_before(charge) for charge in account.charges()]
    assert found == [None, lost.number, None, None]
    assert [totals.billed_before(charge) for charge in (again, wanted)] == [1, 1]
    assert (totals.summary()["billed_again"], totals.summary()["paid_twice"]) == (2, 1)


def test_a_refunded_job_is_not_paid_twice() -> None:
    account, totals = ledger(refund_failed=True), Totals()
    lost, again = accept(account), accept(account)
    account.lose_answer(lost.request_id)
    account.finish(again, "Input image could not be decoded")
    totals.update(account.charges())
    assert totals.summary()["paid_twice"] == 0
