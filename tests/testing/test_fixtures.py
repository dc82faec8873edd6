"""The fixtures in projects of their own, under each way to run asynchronous tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from ..support.pytest_project import run


@pytest.mark.real_time
def test_the_fixtures_work_under_each_plugin_and_under_none(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import asyncio
        import httpx
        import pytest
        import trio
        from segmind_swap import PollPolicy, SwapClient
        from segmind_swap.testing import assert_billed_once

        @pytest.mark.asyncio
        async def test_with_pytest_asyncio(swap_client_factory, segmind_emulator):
            async with swap_client_factory() as client:
                await swap(client)
            assert_billed_once(segmind_emulator, swaps=1)

        @pytest.mark.anyio
        async def test_with_anyio(swap_client_factory, segmind_emulator):
            async with swap_client_factory(max_in_flight=1) as client:
                await swap(client)
                await swap(client, "https://pictures.example/other.png")
            assert_billed_once(segmind_emulator, swaps=2)

        @pytest.mark.parametrize("run", [lambda main: asyncio.run(main()), trio.run])
        def test_without_any(run, swap_client_factory, segmind_emulator):
            async def main():
                async with swap_client_factory() as client:
                    await swap(client)
            run(main)
            assert_billed_once(segmind_emulator, swaps=1)

        @pytest.mark.anyio
        async def test_over_a_socket(segmind_url, segmind_emulator):
            async with SwapClient(polling=PollPolicy(interval=0.05)) as client:
                await swap(client)
            assert httpx.get(segmind_url + "/v1/get-user-credits").status_code == 401
            assert_billed_once(segmind_emulator, swaps=1)
        """,
        "-v",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout, done.stdout
    assert "test_with_anyio[trio]" in done.stdout


@pytest.mark.real_time
def test_a_mark_sets_an_emulator_up_and_the_nearest_one_wins(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import pytest
        pytestmark = pytest.mark.segmind_emulator(credits_usd=1.0, price_usd=0.25)

        def test_the_module(segmind_emulator):
            assert segmind_emulator.credits_usd == 1.0

        @pytest.mark.segmind_emulator(credits_usd=2.0, api_key=None)
        class TestAll:
            def test_the_class(self, segmind_emulator):
                assert (segmind_emulator.credits_usd, segmind_emulator.api_key) == (2.0, None)

            @pytest.mark.segmind_emulator(credits_usd=3.0)
            def test_the_function(self, segmind_emulator):
                assert (segmind_emulator.credits_usd, segmind_emulator.api_key) == (3.0, None)

            @pytest.mark.anyio
            async def test_any_key_will_do(self, swap_client_factory, segmind_emulator):
                async with swap_client_factory() as client:
                    await swap(client)
                assert segmind_emulator.credits_usd == 1.75

        @pytest.mark.segmind_emulator(7)
        def test_a_mistake(segmind_emulator):
            pass
        """,
    )
    assert "5 passed" in done.stdout, done.stdout
    assert "segmind_emulator takes settings by name, not (7,)" in done.stdout


def test_without_pytest_the_import_says_what_to_install() -> None:
    program = "import sys; sys.modules['pytest'] = None; import segmind_swap.testing"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "ImportError: `segmind_swap.testing` needs pytest: install `segmind-swap[testing]`" in done.stderr
