"""The facts about a journal as a whole."""

import sqlite3

import pytest

from segmind_swap._journal.facts import Facts
from segmind_swap._journal.schema import create


@pytest.fixture
def facts() -> Facts:
    connection = sqlite3.connect(":memory:")
    create(connection)
    return Facts(connection)


def test_a_journal_without_a_run_has_no_facts(facts: Facts) -> None:
    assert facts.get("origin") is None
    assert facts.count("runs") == 0
    assert facts.price_usd is None
    assert facts.failed_runs_are_free is False


def test_a_fact_replaces_the_earlier_value(facts: Facts) -> None:
    for runs in (1, 2):
        facts.set("runs", str(runs))
        assert facts.count("runs") == runs
    assert facts.get("runs") == "2"


def test_the_price_is_kept_to_a_millionth_of_a_dollar(facts: Facts) -> None:
    for price_usd in (0.1522, 0.3):
        facts.set_price(price_usd)
        assert facts.price_usd == price_usd


@pytest.mark.parametrize("are_free", [True, False])
def test_it_is_kept_whether_failed_runs_are_free(facts: Facts, are_free: bool) -> None:
    facts.set_failed_runs_are_free(are_free)
    assert facts.failed_runs_are_free is are_free


@pytest.mark.parametrize("price", ["cheap", "nan", "inf", ""])
def test_a_price_that_is_no_amount_is_never_taken_for_none(facts: Facts, price: str) -> None:
    facts.set("price_usd", price)
    with pytest.raises((ValueError, ArithmeticError)):
        _ = facts.price_usd


def test_what_was_learned_of_the_rate_limit_is_one_text(facts: Facts) -> None:
    assert facts.learned_rate is None
    for text in ("first", "second"):
        facts.set_learned_rate(text)
        assert facts.learned_rate == text


def test_a_learned_rate_that_is_no_text_is_none_because_it_only_saves_time() -> None:
    connection = sqlite3.connect(":memory:")
    create(connection)
    connection.execute("INSERT INTO facts VALUES ('learned_rate', CAST(x'fffe' AS TEXT))")
    assert Facts(connection).learned_rate is None
