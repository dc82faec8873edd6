"""`SwapService`: what an application sees of it, in memory and in virtual time."""

from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from segmind_swap import (
    BudgetExceededError,
    ConfigurationError,
    IdConflictError,
    ImageError,
    Journal,
    JournalError,
    LimitExceededError,
    OutcomeState,
    ServiceStoppedError,
    SubmissionUnknownError,
    SwapCancelledError,
    SwapClient,
    SwapFailedError,
    SwapService,
    UnknownIdError,
)
from segmind_swap.emulator import Fault

from .support.batches import KEY, client_of, emulator
from .support.services import enqueue, halted, scene, served, states_of, submitting, until
from .support.sessions import png

S = OutcomeState
FAILED = {"status": "FAILED", "error": "no character was found"}


async def test_a_swap_is_enqueued_followed_and_paid_once() -> None:
    machine = emulator()
    async with served(machine, Journal(":memory:")) as service:
        first = await enqueue(service, 0, owner="anna")
        assert (first.id, first.owner, first.state, first.is_final) == ("s0", "anna", S.PENDING, False)
        states = await states_of(service, "s0")
        assert states[0] == "pending"
        assert states[-2:] == ["accepted", "completed"]
        result = await service.result("s0")
        last = await service.status("s0")
        assert last.is_final
        assert last.result == result
    assert len(machine.ledger) == 1


@pytest.mark.parametrize(
    ("faults", "state"),
    [
        ([], S.COMPLETED),
        ([Fault(on="poll", status=200, body=FAILED)], S.FAILED),
        ([Fault(on="submit", status=400)], S.REJECTED),
        ([Fault(on="submit", cut="after-body")], S.UNKNOWN),
    ],
    ids=str,
)
async def test_an_id_is_joined_whatever_its_state(faults: list[Fault], state: OutcomeState) -> None:
    machine = emulator(faults=faults)
    async with served(machine, Journal(":memory:")) as service:
        await enqueue(service, 0)
        ended = await until(service, "s0", state)
        paid, calls = len(machine.ledger), machine.count("submit")
        for _ in range(3):
            again = await enqueue(service, 0, owner="somebody else")
            assert (again.state, again.change, again.owner) == (state, ended.change, None)
        await anyio.sleep(300)
        assert (len(machine.ledger), machine.count("submit")) == (paid, calls)


async def test_an_id_is_joined_while_it_waits_and_while_its_job_runs() -> None:
    machine = emulator()
    async with served(machine, Journal(":memory:"), client={"max_in_flight": 1}) as service:
        for number in (0, 1):
            await enqueue(service, number)
        await until(service, "s0", S.ACCEPTED)
        assert (await enqueue(service, 0)).state is S.ACCEPTED
        assert (await enqueue(service, 1)).state is S.PENDING
        await service.result("s1")
    assert len(machine.ledger) == 2
    assert machine.paid_twice() == []


async def test_two_calls_of_one_id_at_once_are_one_swap() -> None:
    machine = emulator()
    journal = Journal(":memory:")
    picture = png()
    async with served(machine, journal) as service, anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(partial(enqueue, service, 0, character_image=picture))
    async with served(machine, journal) as service:
        await service.result("s0")
    assert len(machine.ledger) == 1


async def test_an_id_with_other_pictures_is_refused_and_changes_nothing() -> None:
    machine = emulator()
    async with served(machine, Journal(":memory:")) as service:
        first = await enqueue(service, 0)
        with pytest.raises(IdConflictError, match="'s0' belongs to a swap with other pictures") as caught:
            await enqueue(service, 0, character_image=scene(1))
        assert caught.value.id == "s0"
        assert (await service.status("s0")).ordered_at == first.ordered_at
        with pytest.raises(IdConflictError):
            await enqueue(service, 0, character_image=scene(1), pay_again=True)


async def test_the_same_pictures_in_any_form_are_the_same_swap(tmp_path: Path) -> None:
    from PIL import Image

    picture = png()
    file = tmp_path / "scene.png"
    file.write_bytes(picture)
    machine = emulator()
    async with served(machine, Journal(":memory:")) as service:
        for form in (picture, bytearray(picture), file):
            await enqueue(service, 0, character_image=form)
        with file.open("rb") as opened:
            await enqueue(service, 0, character_image=opened)
        await service.result("s0")
        image = Image.new("RGB", (64, 64), "red")
        await enqueue(service, 1, character_image=image)
        await enqueue(service, 1, character_image=image)
        await service.result("s1")
    assert len(machine.ledger) == 2


async def test_paying_again_is_asked_for_and_makes_another_version_of_a_swap_that_is_done() -> None:
    machine = emulator()
    async with served(machine, Journal(":memory:")) as service:
        await enqueue(service, 0)
        await service.result("s0")
        again = await enqueue(service, 0, pay_again=True)
        assert (again.version, again.state) == (2, S.PENDING)
        assert (await enqueue(service, 0, pay_again=True)).version == 2
        await service.result("s0")
        assert (await service.status("s0")).version == 2
    assert len(machine.ledger) == 2


async def test_paying_again_for_a_swap_that_failed_or_is_unknown_sends_it_once_more() -> None:
    for fault in (
        Fault(on="poll", status=200, body=FAILED, times=1),
        Fault(on="submit", cut="after-body", calls=(1,)),
    ):
        machine = emulator(faults=[fault])
        async with served(machine, Journal(":memory:")) as service:
            await enqueue(service, 0)
            await until(service, "s0", S.FAILED, S.UNKNOWN)
            await enqueue(service, 0, pay_again=True)
            await service.result("s0")
        assert machine.count("submit") == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/etc/passwd", "no http"),
        ("hero.png", "no http"),
        ("file:///etc/passwd", "no http"),
        ("data:image/png;base64,AAAA", "no http"),
        ("", "no http"),
    ],
)
async def test_a_text_that_is_no_url_is_refused_because_it_could_name_a_file(text: str, words: str) -> None:
    machine = emulator()
    async with served(machine, Journal(":memory:")) as service:
        with pytest.raises(ImageError, match=words):
            await enqueue(service, 0, character_image=text)
        with pytest.raises(UnknownIdError, match="no swap 's0'"):
            await service.status("s0")
    assert len(machine.calls) == 0


@pytest.mark.parametrize("id", ["", "a/b", "..", "a" * 300, 7, None])
async def test_an_id_that_cannot_name_a_file_is_refused_by_each_method(id: Any) -> None:
    async with served(emulator(), Journal(":memory:")) as service:
        for call in (
            lambda: enqueue(service, 0, id=id),
            lambda: service.status(id),
            lambda: service.cancel(id),
            lambda: service.result(id),
        ):
            with pytest.raises(ConfigurationError, match=r"the id .* cannot be used"):
                await call()


@pytest.mark.parametrize("owner", ["", " ", "a" * 201, "a\nb", "a\u202eb", 7])
async def test_an_owner_that_is_no_short_harmless_text_is_refused(owner: Any) -> None:
    async with served(emulator(), Journal(":memory:")) as service:
        with pytest.raises(ConfigurationError, match=r"the owner .* cannot be used"):
            await enqueue(service, 0, owner=owner)


async def test_a_swap_that_waits_can_be_cancelled_and_is_never_sent() -> None:
    machine = emulator()
    async with served(machine, Journal(":memory:"), client={"max_in_flight": 1}) as service:
        await enqueue(service, 0)
        await until(service, "s0", S.ACCEPTED)
        await enqueue(service, 1)
        assert await service.cancel("s1")
        assert await service.cancel("s1"), "it stays cancelled"
        with pytest.raises(SwapCancelledError):
            await service.result("s1")
        assert not await service.cancel("s0"), "it was sent"
        await service.result("s0")
        assert not await service.cancel("s0")
        assert (await enqueue(service, 1)).state is S.ABANDONED
        await anyio.sleep(300)
        assert len(machine.ledger) == 1
        await enqueue(service, 1, pay_again=True)
        await service.result("s1")
    assert len(machine.ledger) == 2


async def test_the_slot_of_a_swap_that_is_cancelled_while_it_uploads_becomes_free_at_once() -> None:
    machine = emulator(faults=[Fault(on="upload", delay=1000.0, calls=(1,))])
    options: dict[str, Any] = {"client": {"max_in_flight": 1}}
    async with served(machine, Journal(":memory:"), **options) as service:
        await enqueue(service, 0, character_image=png())
        await submitting(service)
        await anyio.sleep(1)
        assert await service.cancel("s0")
        await enqueue(service, 1)
        with anyio.fail_after(200):
            await service.result("s1")
    assert len(machine.ledger) == 1


async def test_each_error_of_a_swap_is_raised_by_result_and_belongs_to_its_caller() -> None:
    machine = emulator(faults=[Fault(on="poll", status=200, body=FAILED)])
    async with served(machine, Journal(":memory:")) as service:
        await enqueue(service, 0)
        errors = []
        for _ in range(2):
            with pytest.raises(SwapFailedError) as caught:
                await service.result("s0")
            errors.append(caught.value)
    assert errors[0] is not errors[1]
    assert errors[0].job is not None


async def test_the_bounds_of_an_owner_hold_and_a_known_id_is_joined_all_the_same() -> None:
    machine = emulator()
    options: dict[str, Any] = {"max_per_owner": 1, "max_per_owner_a_day": 2}
    async with served(machine, Journal(":memory:"), **options) as service:
        await enqueue(service, 0, owner="anna")
        with pytest.raises(LimitExceededError) as caught:
            await enqueue(service, 1, owner="anna")
        assert (caught.value.limit, caught.value.maximum) == ("max_per_owner", 1)
        await enqueue(service, 0, owner="anna")
        await enqueue(service, 2, owner="berta")
        await service.result("s0")
        await enqueue(service, 1, owner="anna")
        await service.result("s1")
        with pytest.raises(LimitExceededError) as caught:
            await enqueue(service, 3, owner="anna")
        assert caught.value.limit == "max_per_owner_a_day"
    assert len(machine.ledger) == 3


async def test_the_budget_of_a_day_refuses_the_swap_that_could_exceed_it() -> None:
    machine = emulator()
    async with served(machine, Journal(":memory:"), daily_budget_usd=1.0, price_usd=0.4) as service:
        await enqueue(service, 0)
        await enqueue(service, 1)
        with pytest.raises(BudgetExceededError) as caught:
            await enqueue(service, 2)
        assert caught.value.resets_at is not None
        await service.result("s0")
        await service.result("s1")
        with pytest.raises(BudgetExceededError):
            await enqueue(service, 2)
    assert len(machine.ledger) == 2


async def test_the_queue_and_the_spool_are_bounded() -> None:
    machine = emulator(faults=[Fault(on="submit", delay=60.0)])
    options: dict[str, Any] = {"max_queued": 2, "client": {"max_in_flight": 1}}
    picture = png()
    async with served(machine, Journal(":memory:"), **options) as service:
        await enqueue(service, 0)
        await until(service, "s0", S.SENDING)
        for number in (1, 2):
            await enqueue(service, number)
        with pytest.raises(LimitExceededError) as caught:
            await enqueue(service, 3)
        assert caught.value.limit == "max_queued"
    async with served(machine, Journal(":memory:"), max_spool_bytes=len(picture)) as service:
        await enqueue(service, 0, character_image=picture)
        with pytest.raises(LimitExceededError) as caught:
            await enqueue(service, 1, character_image=picture, reference_character_image=png())
        assert caught.value.limit == "max_spool_bytes"
        with pytest.raises(UnknownIdError):
            await service.status("s1")


async def test_a_service_that_brings_no_pictures_stops_until_a_person_resumes_it() -> None:
    machine = emulator(faults=[Fault(on="submit", cut="after-body")])
    journal = Journal(":memory:")
    options: dict[str, Any] = {"max_futile": 2, "client": {"max_in_flight": 1}}
    async with served(machine, journal, **options) as service:
        for number in range(4):
            await enqueue(service, number)
        for number in range(2):
            with pytest.raises(SubmissionUnknownError):
                await service.result(f"s{number}")
        await halted(service)
        assert "2 swaps in a row" in str(service.halted_by)
        with pytest.raises(ServiceStoppedError) as caught:
            await enqueue(service, 9)
        assert caught.value.seconds is None
        assert (await enqueue(service, 2)).state is S.PENDING
        await anyio.sleep(200)
        assert machine.count("submit") == 2
    async with served(machine, journal, **options) as service:
        await anyio.sleep(200)
        assert service.halted_by is not None
        assert machine.count("submit") == 2
        await service.resume()
        assert service.halted_by is None
        await until(service, "s2", S.UNKNOWN, S.COMPLETED)
        await until(service, "s3", S.UNKNOWN, S.COMPLETED)
    assert machine.count("submit") == 4


async def test_a_restart_does_not_count_from_zero() -> None:
    machine = emulator(faults=[Fault(on="submit", cut="after-body")])
    journal = Journal(":memory:")
    for number in range(3):
        async with served(machine, journal, max_futile=3) as service:
            await enqueue(service, number)
            await until(service, f"s{number}", S.UNKNOWN)
    async with served(machine, journal, max_futile=3) as service:
        await submitting(service)
        await anyio.sleep(2)
        assert service.halted_by is not None
        with pytest.raises(ServiceStoppedError):
            await enqueue(service, 3)
    assert machine.count("submit") == 3


async def test_an_account_without_credits_is_tried_again_after_a_minute() -> None:
    machine = emulator(faults=[Fault(on="submit", status=402, calls=(1,))])
    async with served(machine, Journal(":memory:")) as service:
        await enqueue(service, 0)
        await halted(service)
        with pytest.raises(ServiceStoppedError) as caught:
            await enqueue(service, 1)
        assert caught.value.seconds is not None
        assert (await service.status("s0")).state is S.PENDING
        began = anyio.current_time()
        await service.result("s0")
        assert 50 < anyio.current_time() - began < 200
    assert len(machine.ledger) == 1


async def test_a_person_need_not_wait_for_the_minute_to_pass() -> None:
    machine = emulator(faults=[Fault(on="submit", status=402, calls=(1,))])
    async with served(machine, Journal(":memory:")) as service:
        await enqueue(service, 0)
        await halted(service)
        await service.resume()
        with anyio.fail_after(5):
            await until(service, "s0", S.ACCEPTED)
    assert len(machine.ledger) == 1


async def test_accepted_jobs_go_on_while_the_service_is_halted_also_after_a_restart() -> None:
    machine = emulator(
        duration=500.0, faults=[Fault(on="submit", status=401, calls=(2, 3, 4, 5, 6, 7, 8, 9))]
    )
    journal = Journal(":memory:")
    async with served(machine, journal, client={"max_in_flight": 4}) as service:
        await enqueue(service, 0)
        await until(service, "s0", S.ACCEPTED)
        await enqueue(service, 1)
        await halted(service)
    async with served(machine, journal) as service:
        await service.result("s0")
        assert (await service.status("s1")).state in {S.PENDING, S.ACCEPTED, S.COMPLETED}
    assert machine.paid_twice() == []


async def test_a_service_is_used_inside_of_its_block_only() -> None:
    async with client_of(emulator()) as client:
        service = SwapService(client, journal=":memory:")
        for call in (
            lambda: enqueue(service, 0),
            lambda: service.status("a"),
            lambda: service.cancel("a"),
            service.resume,
        ):
            with pytest.raises(ConfigurationError, match="not open"):
                await call()
        with pytest.raises(ConfigurationError, match="not open"):
            service.updates("a")
        async with service:
            with pytest.raises(ConfigurationError, match="open already"):
                await service.__aenter__()
        with pytest.raises(ConfigurationError, match="not open"):
            await service.status("a")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_queued": 0}, "max_queued"),
        ({"max_per_owner": 0}, "max_per_owner"),
        ({"max_per_owner_a_day": 1.5}, "max_per_owner_a_day"),
        ({"max_spool_bytes": 0}, "max_spool_bytes"),
        ({"daily_budget_usd": -1}, "daily_budget_usd"),
        ({"price_usd": 0}, "price_usd"),
        ({"max_futile": 0}, "max_futile"),
    ],
)
async def test_an_option_that_cannot_be_used_is_refused_before_anything_is_opened(
    options: dict[str, Any], words: str
) -> None:
    async with client_of(emulator()) as client:
        with pytest.raises(ConfigurationError, match=words):
            SwapService(client, journal=":memory:", **options)


async def test_a_journal_of_another_service_is_refused_when_the_block_is_entered(tmp_path: Path) -> None:
    journal = Journal(":memory:")
    async with served(emulator(), journal) as service:
        await enqueue(service, 0)
    transport = httpx.ASGITransport(app=emulator().app)
    async with SwapClient(KEY, base_url="http://localhost", transport=transport) as client:
        with pytest.raises(JournalError, match="belongs to"):
            async with SwapService(client, journal=journal):
                pass
    (tmp_path / "file").write_text("no folder")
    async with client_of(emulator()) as client:
        with pytest.raises(ConfigurationError, match="cannot be made"):
            async with SwapService(client, journal=":memory:", save_to=tmp_path / "file"):
                pass


async def test_the_client_may_be_closed_before_the_service_and_listeners_end() -> None:
    machine = emulator()
    client = client_of(machine)
    ended = False
    async with (
        SwapService(client, journal=Journal(":memory:")) as service,
        anyio.create_task_group() as group,
    ):

        async def listen() -> None:
            nonlocal ended
            assert [update.is_final async for update in service.updates("s0")][-1] is False
            ended = True

        await enqueue(service, 0)
        await until(service, "s0", S.ACCEPTED)
        group.start_soon(listen)
        await anyio.sleep(1)
        await client.aclose()
        await anyio.sleep(1)
        assert ended
        with pytest.raises(ConfigurationError, match="was closed"):
            await enqueue(service, 1)
    assert len(machine.ledger) == 1


async def test_result_says_that_the_service_was_closed_before_the_swap_has_ended() -> None:
    failure: list[ConfigurationError] = []
    async with anyio.create_task_group() as group, served(emulator(), Journal(":memory:")) as service:

        async def wait() -> None:
            try:
                await service.result("s0")
            except ConfigurationError as exc:
                failure.append(exc)

        await enqueue(service, 0)
        await until(service, "s0", S.ACCEPTED)
        group.start_soon(wait)
        await anyio.sleep(1)
    assert "closed before" in str(failure[0])
    assert failure[0].job is not None
