"""The commands about a journal know the swaps of a service, and the service sees what they change."""

import json
from pathlib import Path

import anyio
import pytest

from segmind_swap import OutcomeState, PollPolicy, SwapClient, SwapService
from segmind_swap.emulator import Fault

from .processes import KEY, an_emulator, in_this_process

S = OutcomeState


def _served(folder: Path, base_url: str, *ids: str) -> dict[str, OutcomeState]:
    """Enqueues swaps, and serves until each has ended. Returns the states."""

    async def serve() -> dict[str, OutcomeState]:
        polling = PollPolicy(interval=0.05, first_after=0.0, learn=False)
        async with (
            SwapClient(KEY, base_url=base_url, polling=polling) as client,
            SwapService(client, journal=folder / "swaps.db", save_to=folder / "out") as service,
        ):
            for id in ids:
                await service.enqueue(
                    id,
                    reference_character_image=folder / "hero.png",
                    character_image=folder / "scenes" / f"{id}.png",
                    owner="ann",
                )
            found = {}
            for id in ids:
                async for update in service.updates(id):
                    found[id] = update.state
            return found

    return anyio.run(serve)


@pytest.mark.real_time
def test_a_person_asks_and_decides_about_the_swaps_of_a_service_and_the_service_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [Fault(on="submit", calls=(1,), cut="after-body")]
    with an_emulator(speed=1000.0, faults=faults) as (emulator, service):
        url = service["SEGMIND_BASE_URL"]
        for name, value in service.items():
            monkeypatch.setenv(name, value)

        def command(*arguments: str) -> str:
            done = in_this_process(*arguments, cwd=folder, monkeypatch=monkeypatch)
            assert (done.exit_code, done.stderr) in {(0, ""), (4, "")}, done.stderr
            return str(done.stdout)

        assert _served(folder, url, "s0") == {"s0": S.UNKNOWN}
        assert _served(folder, url, "s1", "s2") == {"s1": S.SAVED, "s2": S.SAVED}
        status = json.loads(command("status", "swaps.db", "--json"))
        assert (status["states"], status["unknown"]) == ({"saved": 2, "unknown": 1}, ["s0"])
        assert status["spent_usd"] + status["reserved_usd"] == pytest.approx(3 * 0.1522)
        assert "$0.46" in command("cost", "swaps.db")
        command("reconcile", "swaps.db", "--apply")
        assert json.loads(command("status", "swaps.db", "--json"))["states"] == {"saved": 2, "accepted": 1}
        assert _served(folder, url, "s0") == {"s0": S.SAVED}, "the job of the history is waited for"
        assert len(emulator.ledger) == 3

        refused = in_this_process(
            "resolve", "swaps.db", "s1", "--resubmit", cwd=folder, monkeypatch=monkeypatch
        )
        assert refused.exit_code == 2
        redo = ["redo", "out", "s1", "--journal", "swaps.db", "--reference", "hero.png", "--pay-again"]
        redone = in_this_process(*redo, cwd=folder, monkeypatch=monkeypatch)
        assert redone.exit_code == 2
        assert "the journal has no file of the scene of 's1'" in redone.stderr, "the service removes uploads"
        assert json.loads(command("status", "swaps.db", "--json"))["states"] == {"saved": 3}
