"""A pytest project of its own that uses the fixtures of `segmind_swap.testing`, and one swap of a client."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from segmind_swap import SwapClient

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
