"""`MarksContract`: the rules for the decisions of people about pictures."""

from __future__ import annotations

import pytest

from ..._protocols.marks import Marks, Verdict
from ._loops import OnEachLoop
from ._values import (
    a_mark,
)


class MarksContract(OnEachLoop):
    """The rules for `Marks`: the decisions of people about pictures."""

    @pytest.fixture
    def marks(self) -> Marks:
        """Marks of a new ledger, without any mark. To be overridden."""
        raise NotImplementedError

    def test_new_marks_are_empty(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            assert list(await marks.read()) == []
            assert list(await marks.of("a")) == []
            assert list(await marks.put([])) == []

        self.run(test, backend)

    def test_a_mark_is_read_as_it_was_written(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            mark = a_mark("caf\xe9", decision=Verdict.REDO, reasons=("wrong person", "other"))
            assert list(await marks.put([mark])) == [mark]
            assert list(await marks.read()) == [mark]

        self.run(test, backend)

    def test_a_newer_mark_replaces_an_older_one_and_an_older_or_equal_one_replaces_none(
        self, marks: Marks, backend: str
    ) -> None:
        async def test() -> None:
            second = a_mark(decision=Verdict.DISCARD, seconds=2.0)
            await marks.put([a_mark(seconds=1.0)])
            assert list(await marks.put([second])) == [second]
            for late in (a_mark(seconds=1.5), a_mark(seconds=2.0), second):
                assert list(await marks.put([late])) == []
            assert list(await marks.read()) == [second]

        self.run(test, backend)

    def test_marks_of_one_call_follow_the_same_rule(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            newest = a_mark(decision=Verdict.REDO, seconds=3.0)
            await marks.put([a_mark(seconds=1.0), newest, a_mark(decision=Verdict.DISCARD, seconds=2.0)])
            assert list(await marks.read()) == [newest]

        self.run(test, backend)

    def test_each_picture_of_an_id_has_its_own_mark(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            first, second = a_mark(picture="1"), a_mark(picture="2", decision=Verdict.DISCARD)
            await marks.put([first, second, a_mark("b")])
            assert {mark.sha256: mark for mark in await marks.of("a")} == {"1" * 64: first, "2" * 64: second}
            assert len(await marks.read()) == 3

        self.run(test, backend)

    def test_each_version_of_an_id_has_its_own_mark_also_with_the_same_picture(
        self, marks: Marks, backend: str
    ) -> None:
        async def test() -> None:
            first = a_mark(decision=Verdict.DISCARD)
            second = a_mark(seconds=-1.0).model_copy(update={"version": 2})
            await marks.put([first])
            assert list(await marks.put([second])) == [second]
            assert {mark.version: mark for mark in await marks.of("a")} == {1: first, 2: second}

        self.run(test, backend)

    def test_a_decision_that_was_taken_back_stays_known(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            undone = a_mark(decision=Verdict.UNDECIDED, seconds=1.0)
            await marks.put([a_mark()])
            await marks.put([undone])
            await marks.put([a_mark(seconds=0.5)])
            assert list(await marks.read()) == [undone]

        self.run(test, backend)

    def test_ids_are_compared_in_their_canonical_form(self, marks: Marks, backend: str) -> None:
        async def test() -> None:
            await marks.put([a_mark("Caf\xe9")])
            newer = a_mark("cafe\u0301", seconds=1.0)
            assert list(await marks.put([newer])) == [newer]
            assert list(await marks.of("CAF\xc9")) == [newer]
            assert list(await marks.read()) == [newer]

        self.run(test, backend)
