"""A look at the bill of an emulator, which a person understands at once when the bill is wrong."""

import re
from pathlib import Path

import pytest

from segmind_swap import SwapFailedError
from segmind_swap.emulator import Emulator
from segmind_swap.testing import assert_billed_once, connect

from ..support.pytest_project import run, swap


@pytest.mark.real_time
def test_a_swap_that_was_billed_twice_is_seen_at_once(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import pytest
        from segmind_swap.emulator import Fault
        from segmind_swap.testing import assert_billed_once

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        @pytest.mark.segmind_emulator(faults=[Fault(on="submit", calls=(1,), status=504, accepts=True)])
        async def test_it(swap_client_factory, segmind_emulator):
            async with swap_client_factory() as client:
                await swap(client)
            assert_billed_once(segmind_emulator)
        """,
    )
    assert done.returncode == 1, done.stdout
    said = [line.removeprefix("E ").strip() for line in done.stdout.splitlines() if line.startswith("E ")]
    assert said[0] == "AssertionError: 1 of 1 swap was billed more than once: $0.1522 too much"
    assert said[2] == "reference  https://pictures.example/hero.png"
    assert said[3] == "scene      https://pictures.example/street.png"
    assert re.fullmatch(
        r"job 1 \([0-9a-f]{32}\), accepted at [0-9.]+ s; its answer was spoilt: status 504", said[4]
    )
    assert re.fullmatch(r"job 2 \([0-9a-f]{32}\), accepted at [0-9.]+ s", said[5])
    assert "_bill.py" not in done.stdout, "the traceback ends in the test, not in the helper"


async def test_a_bill_with_too_few_or_too_many_swaps_lists_them() -> None:
    emulator = Emulator(duration=1)
    async with connect(emulator) as client:
        await swap(client)
        await swap(client, "garden")
    assert_billed_once(emulator)
    assert_billed_once(emulator, swaps=2)
    with pytest.raises(AssertionError, match=r"^3 swaps should have been billed, not 2") as caught:
        assert_billed_once(emulator, swaps=3)
    assert str(caught.value).count("scene      https://pictures.example/") == 2


async def test_of_many_swaps_on_a_wrong_bill_ten_are_listed() -> None:
    emulator = Emulator(duration=0)
    async with connect(emulator) as client:
        for number in range(12):
            await swap(client, str(number))
    with pytest.raises(AssertionError) as caught:
        assert_billed_once(emulator, swaps=1)
    assert str(caught.value).count("scene") == 10
    assert str(caught.value).endswith("\n  and 2 swaps more")


async def test_what_was_given_back_is_not_billed() -> None:
    for refund in (True, False):
        emulator = Emulator(duration=1, refund_failed=refund)
        async with connect(emulator) as client:
            for _ in range(2):
                with pytest.raises(SwapFailedError):
                    await client.swap(
                        reference_character_image="http://127.0.0.1/files/none.png",
                        character_image="http://127.0.0.1/files/none.png",
                    )
        assert len(emulator.paid_twice()) == (0 if refund else 1)
        if refund:
            assert_billed_once(emulator, swaps=0)
        else:
            with pytest.raises(AssertionError, match="billed more than once"):
                assert_billed_once(emulator)
