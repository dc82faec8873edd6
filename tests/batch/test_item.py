"""One swap of a batch: its id, its pictures, its file, and the outcome that it ends with."""

from pathlib import Path

import httpx
import pytest

from segmind_swap import (
    ConfigurationError,
    DownloadError,
    Journal,
    JournalError,
    OutcomeState,
    OutputError,
    ResponseError,
    SwapClient,
    SwapRequest,
)
from segmind_swap._protocols.ledger import LedgerView
from segmind_swap.emulator import Fault

from ..support.batches import client_of, crashed, emulator, run, states, swap_of, swaps_of
from ..support.sessions import png

S = OutcomeState


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


async def test_swaps_need_no_ids_where_nothing_is_written_down() -> None:
    service = emulator()
    requests = [swap_of(0, id=None), swap_of(1, id=None, character_image="missing.png")]
    assert states(await run(service, requests)) == {"completed": 1, "rejected": 1}
    assert len(service.ledger) == 1


async def test_the_same_id_with_other_pictures_is_refused_before_any_request() -> None:
    service, journal = emulator(), Journal(":memory:")
    await run(service, swaps_of(2), {"journal": journal})
    calls = len(service.calls)
    other = swap_of(0, character_image="https://pictures.example/other.png")
    (outcome,) = await run(service, [other], {"journal": journal})
    assert outcome.state is S.REJECTED
    assert isinstance(outcome.error, JournalError)
    assert "with other pictures" in str(outcome.error)
    assert len(service.calls) == calls
    assert journal.summary().states == {S.COMPLETED: 2}


@pytest.mark.parametrize("second", ["s0", "S0"])
async def test_the_same_id_twice_in_a_run_is_paid_once(second: str) -> None:
    service = emulator()
    requests = [swap_of(0), swap_of(1, id=second)]
    outcomes = await run(service, requests, {"journal": ":memory:"})
    assert states(outcomes) == {"completed": 1, "rejected": 1}
    assert len(service.ledger) == 1


@pytest.mark.parametrize("id", [None, "", "../x", "a/b", "a\0", "CON", "x" * 300, ".hidden", "a\u202eb"])
async def test_an_id_that_cannot_name_a_file_is_refused_before_anything_is_paid(id: str | None) -> None:
    service = emulator()
    (outcome,) = await run(service, [swap_of(0, id=id)], {"journal": ":memory:"})
    assert outcome.state is S.REJECTED
    assert isinstance(outcome.error, ConfigurationError)
    assert len(service.calls) == 0


async def test_an_upload_that_is_refused_leaves_a_swap_in_doubt_unknown_and_its_money_counted() -> None:
    service, requests = emulator(), [swap_of(0, character_image=png())]
    left = await crashed(service, requests, "submit", 2, after=True)
    await run(service, requests, {"journal": left})
    left.resubmit("s0")
    service.inject(Fault(on="upload", status=400))
    (outcome,) = await run(service, requests, {"journal": left})
    assert outcome.state is S.UNKNOWN
    assert left.summary().reserved_usd == pytest.approx(0.1522)


async def test_the_same_id_twice_is_one_swap_even_when_its_pictures_are_gone(tmp_path: Path) -> None:
    service, picture = emulator(), tmp_path / "a.png"
    picture.write_bytes(png())
    request = swap_of(0, character_image=picture)
    left = await crashed(service, [request], "poll", 1)
    picture.unlink()
    outcomes = await run(service, [request, request], {"journal": left})
    assert states(outcomes) == {"completed": 1, "rejected": 1}


async def test_an_upload_whose_answer_cannot_be_used_rejects_its_swap_and_the_next_run_tries_again() -> None:
    service, requests = emulator(), [swap_of(0, character_image=png()), swap_of(1)]
    service.inject(Fault(on="upload", status=200, body={"file_urls": []}))
    journal = Journal(":memory:")
    outcomes = await run(service, requests, {"journal": journal, "budget_usd": 0.2, "concurrency": 1})
    assert states(outcomes) == {"rejected": 1, "completed": 1}, "its money was given back"
    (rejected,) = [outcome for outcome in outcomes if outcome.error is not None]
    assert isinstance(rejected.error, ResponseError)
    assert journal.summary().states == {S.PENDING: 1, S.COMPLETED: 1}
    service.withdraw_all()
    assert states(await run(service, requests, {"journal": journal})) == {"completed": 2}
    assert service.paid_twice() == []


NO_PICTURE = {"status": "COMPLETED", "output": "[]"}


async def test_a_job_without_a_picture_is_unreadable_and_its_money_stays_counted() -> None:
    service, journal = emulator(faults=[Fault(on="poll", status=200, body=NO_PICTURE)]), Journal(":memory:")
    (outcome,) = await run(service, swaps_of(1), {"journal": journal})
    assert outcome.state is S.UNREADABLE
    assert isinstance(outcome.error, OutputError)
    assert outcome.error.job == outcome.job is not None
    assert journal.summary().reserved_usd == pytest.approx(0.1522)
    assert (len(service.ledger), service.count("poll")) == (1, 3)


async def test_an_unreadable_job_is_waited_for_and_never_submitted_again_by_itself() -> None:
    service, journal = emulator(faults=[Fault(on="poll", status=200, body=NO_PICTURE)]), Journal(":memory:")
    options = {"journal": journal, "retry_failed": True}
    for _ in range(3):
        assert states(await run(service, swaps_of(1), options)) == {"unreadable": 1}
    service.withdraw_all()
    assert states(await run(service, swaps_of(1), options)) == {"completed": 1}
    assert service.count("submit") == len(service.ledger) == 1
    assert journal.summary().committed_usd == pytest.approx(0.1522)


@pytest.mark.parametrize(
    "later",
    [
        Fault(on="poll", status=404),
        Fault(on="poll", status=200, body={"status": "FAILED", "error": "no"}),
        Fault(on="poll", status=502),
        Fault(on="poll", status=401),
        Fault(on="poll", status=200, body={"status": "PROCESSING"}),
    ],
    ids=["404", "failed", "502", "401", "processing"],
)
@pytest.mark.parametrize("same_run", [True, False])
async def test_no_later_poll_takes_back_that_a_job_was_completed(later: Fault, same_run: bool) -> None:
    service, journal = emulator(faults=[]), Journal(":memory:")
    service.inject(Fault(on="poll", status=200, body=NO_PICTURE, times=2 if same_run else 3))
    service.inject(later)
    for _ in range(1 if same_run else 2):
        (outcome,) = await run(service, swaps_of(1), {"journal": journal, "retry_failed": True})
        assert outcome.state is S.UNREADABLE
    service.withdraw_all()
    assert states(await run(service, swaps_of(1), {"journal": journal})) == {"completed": 1}
    assert len(service.ledger) == 1


async def test_a_kept_answer_that_this_version_can_read_is_read_before_any_poll() -> None:
    service, journal = emulator(faults=[Fault(on="poll", status=200, body=NO_PICTURE)]), Journal(":memory:")
    await run(service, swaps_of(1), {"journal": journal})
    readable = b'{"status": "COMPLETED", "output": "https://pictures.example/made.png"}'
    assert journal._opening._memory is not None
    journal._opening._memory._connection.execute("UPDATE swaps SET answer = ?", (readable,))
    journal._opening._memory._connection.commit()
    polls = service.count("poll")
    (outcome,) = await run(service, swaps_of(1), {"journal": journal})
    assert outcome.unwrap().url == "https://pictures.example/made.png"
    assert service.count("poll") == polls
    assert journal.summary().states == {S.COMPLETED: 1}


async def test_the_whole_answer_is_kept_up_to_its_limit_and_without_the_key() -> None:
    key = "a-key-of-more-than-16-characters"
    text = f"{key} café " + "x" * 2_000_000
    service = emulator(faults=[Fault(on="poll", status=200, body={**NO_PICTURE, "beside": text})])
    # A fault answers before the key is checked.
    service.inject(Fault(on="submit", status=200, body={"poll_url": "http://127.0.0.1/workflows/request/1"}))
    journal = Journal(":memory:")
    async with (
        SwapClient(
            key, base_url="http://127.0.0.1", transport=httpx.ASGITransport(app=service.app)
        ) as client,
        client.swap_many(swaps_of(1), journal=journal) as outcomes,
    ):
        (outcome,) = [outcome async for outcome in outcomes]
    assert isinstance(outcome.error, OutputError)
    (entry,) = (await (await _opened(journal)).find(["s0"])).values()
    assert entry.answer == outcome.error.body
    assert len(outcome.error.body) == 1024 * 1024
    assert key.encode() not in outcome.error.body
    assert len(outcome.model_dump_json()) < 200_000, "reports stay small"


async def _opened(journal: Journal) -> LedgerView:
    view = await journal.look()
    assert view is not None
    return view


@pytest.mark.parametrize("status", [400, 403, 404, 410, 413, 422, 451])
async def test_an_upload_that_is_refused_rejects_its_picture_alone_and_names_it(
    status: int, tmp_path: Path
) -> None:
    picture = tmp_path / "blocked.png"
    picture.write_bytes(png())
    requests = [swap_of(0), swap_of(1, character_image=picture), *swaps_of(5)[2:]]
    service, journal = emulator(faults=[Fault(on="upload", status=status)]), Journal(":memory:")
    outcomes = await run(service, requests, {"journal": journal, "concurrency": 1})
    assert states(outcomes) == {"completed": 4, "rejected": 1}
    (rejected,) = [outcome for outcome in outcomes if outcome.error is not None]
    assert rejected.request.id == "s1"
    assert "blocked.png of 's1' cannot be uploaded: the upload of the picture was" in str(rejected.error)
    assert journal.summary().states == {S.COMPLETED: 4, S.REJECTED: 1}


@pytest.mark.parametrize("status", [401, 402])
async def test_an_upload_that_refuses_the_account_stops_the_batch(status: int) -> None:
    service = emulator(faults=[Fault(on="upload", status=status)])
    outcomes = await run(service, [swap_of(0, character_image=png()), *swaps_of(5)[1:]], {"concurrency": 1})
    assert set(states(outcomes)) == {"pending"}
    assert service.count("submit") == 0


@pytest.mark.real_time
async def test_pictures_are_saved_under_their_ids_and_found_again(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path / "out" / "deep"}
    requests = [*swaps_of(3), swap_of(3, id="v1.5 größe")]
    outcomes = await run(service, requests, options)
    assert states(outcomes) == {"saved": 4}
    names = sorted(path.name for path in (tmp_path / "out" / "deep").iterdir())
    assert names == ["s0.png", "s1.png", "s2.png", "v1.5 größe.png"]
    assert all(outcome.path is not None and outcome.path.is_file() for outcome in outcomes)
    files = service.count("file")
    assert states(await run(service, requests, options)) == {"saved": 4}
    assert service.count("file") == files
    (tmp_path / "out" / "deep" / "s1.png").unlink()
    assert states(await run(service, requests, options)) == {"saved": 4}
    assert service.count("file") == files + 1
    assert (tmp_path / "out" / "deep" / "s1.png").is_file()
    assert service.count("submit") == 4


@pytest.mark.real_time
async def test_an_empty_or_half_picture_of_an_earlier_run_is_fetched_again_and_not_paid_again(
    tmp_path: Path,
) -> None:
    service = emulator(duration=0.05)
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path / "out"}
    await run(service, swaps_of(3), options)
    paths = [tmp_path / "out" / f"s{number}.png" for number in range(3)]
    whole = [path.read_bytes() for path in paths]
    paths[0].write_bytes(b"")
    paths[1].write_bytes(whole[1][: len(whole[1]) // 2])
    assert states(await run(service, swaps_of(3), options)) == {"saved": 3}
    assert [path.read_bytes() for path in paths] == whole
    assert (service.count("file"), service.count("submit")) == (5, 3)


@pytest.mark.real_time
async def test_a_result_of_another_type_is_saved_with_its_suffix_and_found_again(tmp_path: Path) -> None:
    service = emulator(duration=0.05, faults=[Fault(on="file", status=200, body="GIF89a of a kind")])
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path / "out"}
    for _ in range(2):
        (outcome,) = await run(service, swaps_of(1), options)
        assert (outcome.state, outcome.path) == (S.SAVED, tmp_path / "out" / "s0.gif")
    assert (tmp_path / "out" / "s0.gif").read_bytes() == b"GIF89a of a kind"
    assert (service.count("file"), service.count("submit")) == (2, 1)


@pytest.mark.real_time
async def test_a_folder_of_pictures_may_be_moved(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    journal = tmp_path / "run.db"
    await run(service, swaps_of(2), {"journal": journal, "save_to": tmp_path / "out"})
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    outcomes = await run(service, swaps_of(2), {"journal": journal, "save_to": tmp_path / "elsewhere"})
    assert {outcome.path for outcome in outcomes} == {tmp_path / "elsewhere" / f"s{n}.png" for n in (0, 1)}
    assert service.count("file") == 2


@pytest.mark.real_time
async def test_a_picture_in_a_folder_that_may_not_be_looked_at_ends_no_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, whole = emulator(duration=0.05), Path.is_file
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path / "out"}
    await run(service, swaps_of(2), options)

    def is_file(self: Path) -> bool:
        if self.suffix == ".png":
            raise PermissionError(13, "Permission denied")
        return whole(self)

    monkeypatch.setattr(Path, "is_file", is_file)
    assert len(await run(service, swaps_of(2), options)) == 2
    assert len(service.ledger) == 2


@pytest.mark.real_time
async def test_a_name_that_is_taken_is_refused_before_it_is_paid_and_may_be_mended(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path}
    (tmp_path / "s1.webp").write_bytes(b"precious")
    outcomes = await run(service, swaps_of(2), options)
    assert states(outcomes) == {"saved": 1, "rejected": 1}
    assert len(service.ledger) == 1
    (tmp_path / "s1.webp").rename(tmp_path / "elsewhere.webp")
    assert states(await run(service, swaps_of(2), options)) == {"saved": 2}
    assert len(service.ledger) == 2


@pytest.mark.real_time
async def test_a_picture_that_could_not_be_fetched_is_fetched_in_the_next_run(tmp_path: Path) -> None:
    service = emulator(duration=0.05, faults=[Fault(on="file", calls=(1,), status=410)])
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path}
    (outcome,) = await run(service, swaps_of(1), options)
    assert outcome.state is S.COMPLETED
    assert not outcome.ok
    assert isinstance(outcome.error, DownloadError)
    (outcome,) = await run(service, swaps_of(1), options)
    assert outcome.state is S.SAVED
    assert outcome.ok
    assert len(service.ledger) == 1


@pytest.mark.real_time
async def test_a_picture_that_was_written_just_before_a_crash_is_known_again(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    options = {"journal": tmp_path / "run.db", "save_to": tmp_path}
    (outcome,) = await run(service, swaps_of(1), {"journal": tmp_path / "run.db"})
    assert outcome.result is not None
    async with client_of(service) as client:
        await client.download(outcome.result, tmp_path / "s0.png")
    before = (tmp_path / "s0.png").stat().st_mtime_ns
    (outcome,) = await run(service, swaps_of(1), options)
    assert outcome.state is S.SAVED
    assert (tmp_path / "s0.png").stat().st_mtime_ns == before


@pytest.mark.real_time
async def test_local_pictures_are_uploaded_and_known_by_their_content(tmp_path: Path) -> None:
    service = emulator(duration=0.05)
    (tmp_path / "hero.png").write_bytes(png(1))
    (tmp_path / "a.png").write_bytes(png(2))
    request = SwapRequest(
        id="a", reference_character_image=tmp_path / "hero.png", character_image=tmp_path / "a.png"
    )
    options = {"journal": tmp_path / "run.db"}
    assert states(await run(service, [request], options)) == {"completed": 1}
    moved = request.model_copy(update={"character_image": png(2)})
    assert states(await run(service, [moved], options)) == {"completed": 1}
    assert len(service.ledger) == 1
    (tmp_path / "a.png").write_bytes(png(3))
    (outcome,) = await run(service, [request], options)
    assert isinstance(outcome.error, JournalError)
    (tmp_path / "a.png").unlink()
    (outcome,) = await run(service, [request], options)
    assert outcome.ok, "it is done, and its picture is not needed any more"
    assert len(service.ledger) == 1
