"""The fixtures in projects of their own, under each way to run asynchronous tests, and a look at the bill."""

import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from segmind_swap import SwapClient, SwapFailedError
from segmind_swap.emulator import Emulator, Fault
from segmind_swap.testing import assert_billed_once, connect

CONFTEST = 'pytest_plugins = ["segmind_swap.testing"]\n'

SWAP = """
    REFERENCE, SCENE = "https://pictures.example/hero.png", "https://pictures.example/street.png"

    async def swap(client, scene=SCENE):
        return await client.swap(reference_character_image=REFERENCE, character_image=scene)
"""


async def swap(client: SwapClient, scene: str = "street") -> None:
    await client.swap(
        reference_character_image="https://pictures.example/hero.png",
        character_image=f"https://pictures.example/{scene}.png",
    )


def run(folder: Path, tests: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest on a project whose one test file holds this."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_project.py").write_text(dedent(SWAP) + dedent(tests))
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    plugins = ("-p", "pytest_asyncio.plugin", "-p", "anyio.pytest_plugin", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "--strict-markers", "-W", "error", *plugins, *arguments]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "120"}
    environment.pop("PYTEST_ADDOPTS", None)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


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


async def test_a_client_of_an_emulator_takes_every_setting_of_a_client() -> None:
    emulator = Emulator(duration=30, faults=[Fault(on="credits", status=401)])
    with pytest.raises(TypeError, match="shape"):
        connect(emulator, shape="round")
    async with connect(emulator, timeout=10.0) as client:
        with pytest.raises(TimeoutError):
            await swap(client)


def test_without_pytest_the_import_says_what_to_install() -> None:
    program = "import sys; sys.modules['pytest'] = None; import segmind_swap.testing"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "ImportError: `segmind_swap.testing` needs pytest: install `segmind-swap[testing]`" in done.stderr
