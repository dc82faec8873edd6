"""The client as its users call it: one swap, its halves, and its credits."""

from pathlib import Path

import anyio
import httpx
import pytest

from segmind_swap import (
    Abandoned,
    Accepted,
    AuthenticationError,
    Completed,
    ConfigurationError,
    DownloadError,
    Event,
    Exchanged,
    Failed,
    ImageError,
    Polled,
    PollPolicy,
    ResponseError,
    Saved,
    Started,
    Submitting,
    SwapClient,
    SwapError,
    SwapFailedError,
    Uploaded,
)

from .support.scripted_service import (
    DONE,
    FAILED,
    KEY,
    PICTURES,
    PNG,
    PROCESSING,
    RESULT,
    SCENE,
    Scripted,
    Step,
    accepted,
    client,
    late,
    poll_url,
    says,
)


async def test_a_swap_that_fails_leaves_its_slot_to_the_next() -> None:
    service = Scripted(submit=[says(400, "bad"), accepted(1), accepted(2)], poll=[FAILED, DONE])
    async with client(service, max_in_flight=1) as swaps:
        with anyio.fail_after(600):
            for failure in (ImageError, SwapError, SwapFailedError):
                picture = "missing.png" if failure is ImageError else SCENE
                with pytest.raises(failure):
                    await swaps.swap(**{**PICTURES, "character_image": picture})
            assert (await swaps.swap(**PICTURES)).url == RESULT


async def test_one_await_makes_one_picture(tmp_path: Path) -> None:
    events: list[Event] = []
    service = Scripted(poll=[PROCESSING, DONE])
    async with client(service, on_event=events.append) as swaps:
        result = await swaps.swap(
            reference_character_image=PNG, character_image=SCENE, id="a", save_to=tmp_path / "out"
        )
        assert await swaps.read(result) == PNG
    assert (result.url, result.path) == (RESULT, tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes() == PNG
    kinds = (Started, Uploaded, Submitting, Accepted, Polled, Polled, Completed, Saved)
    assert [type(event) for event in events if not isinstance(event, Exchanged)] == list(kinds)
    assert [service.count(call) for call in ("upload", "submit", "poll", "download")] == [1, 1, 2, 2]


async def test_a_name_that_is_taken_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"precious")
    (tmp_path / "b.webp").write_bytes(b"precious")
    targets = ["a.png", "b", "no-such-folder/c.png", ".", ""]
    service = Scripted()
    async with client(service) as swaps:
        for target in targets:
            with pytest.raises(ConfigurationError, match="cannot save to"):
                await swaps.swap(**PICTURES, save_to=tmp_path / target)
        assert service.seen == []
        await swaps.swap(**PICTURES, save_to=tmp_path / "a.png", overwrite=True)
    assert (tmp_path / "a.png").read_bytes() == PNG
    assert (tmp_path / "b.webp").read_bytes() == b"precious"


async def test_a_bad_picture_is_refused_before_the_good_one_is_uploaded(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a picture")
    service = Scripted()
    async with client(service) as swaps:
        with pytest.raises(ImageError, match=r"notes\.txt: it is no picture") as caught:
            await swaps.swap(reference_character_image=PNG, character_image=tmp_path / "notes.txt")
    assert caught.value.image.endswith("notes.txt")
    assert service.seen == []


async def test_a_picture_that_cannot_be_fetched_leaves_an_error_with_the_url_and_the_job(
    tmp_path: Path,
) -> None:
    events: list[Event] = []
    service = Scripted(download=says(404, "gone"))
    async with client(service, on_event=events.append) as swaps:
        with pytest.raises(DownloadError) as caught:
            await swaps.swap(**PICTURES, save_to=tmp_path / "out.png")
    assert caught.value.url == RESULT
    assert caught.value.job is not None
    assert list(tmp_path.iterdir()) == []
    assert [event.error for event in events if isinstance(event, Failed)] == [caught.value]


async def test_swaps_in_flight_are_bounded_however_many_tasks_call() -> None:
    class Counting(Scripted):
        in_flight = most = 0

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.in_flight += request.method == "POST"
            self.most = max(self.most, self.in_flight)
            response = await super().handle_async_request(request)
            self.in_flight -= request.method == "GET"
            return response

    service = Counting()
    async with client(service, max_in_flight=7) as swaps, anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(lambda: swaps.swap(**PICTURES))
    assert service.count("submit") == service.count("poll") == 50
    assert service.most == 7


async def test_submit_and_wait_hold_no_slot() -> None:
    service = Scripted(poll=PROCESSING)
    async with client(service, max_in_flight=1) as swaps, anyio.create_task_group() as group:
        group.start_soon(lambda: swaps.swap(**PICTURES))
        await anyio.sleep(1)
        job = await swaps.submit(**PICTURES)
        service.steps["poll"] = [DONE]
        assert (await swaps.wait(job)).url == RESULT


async def test_time_in_the_queue_does_not_count_against_a_swap() -> None:
    service = Scripted(poll=[PROCESSING, DONE] * 5)
    async with client(service, max_in_flight=1, timeout=20.0) as swaps, anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(lambda: swaps.swap(**PICTURES))
    assert service.count("poll") == 10


async def test_a_swap_cancelled_while_it_runs_is_told_with_its_job(caplog: pytest.LogCaptureFixture) -> None:
    events: list[Event] = []
    async with client(Scripted(poll=PROCESSING), on_event=events.append) as swaps:
        with anyio.move_on_after(30) as scope:
            await swaps.swap(**PICTURES)
        assert scope.cancelled_caught
    assert [event.job.request_id for event in events if isinstance(event, Abandoned)] == ["1"]
    assert poll_url() in caplog.text


async def test_credits_are_read_and_a_wrong_key_is_an_error() -> None:
    async with client(Scripted()) as swaps:
        left = await swaps.credits()
    assert (left.credits, left.free_credits) == (9.8478, 0.0184921035)
    async with client(Scripted(credits=says(401, "no"))) as swaps:
        with pytest.raises(AuthenticationError):
            await swaps.credits()
    async with client(Scripted(credits=Step(body=[]))) as swaps:
        with pytest.raises(ResponseError):
            await swaps.credits()


async def test_free_calls_survive_passing_failures() -> None:
    service = Scripted(
        upload=[
            says(502),
            says(429, "slow", retry_after="2"),
            Step(body={"urls": ["https://a.example/1.png"]}),
        ],
        credits=[says(503), Step(body={"credits": 1})],
    )
    async with client(service) as swaps:
        assert await swaps.upload(PNG) == "https://a.example/1.png"
        assert (await swaps.credits()).credits == 1


async def test_an_exception_in_the_with_block_passes_unchanged_even_with_swaps_in_flight() -> None:
    class Mine(Exception):
        pass

    mine = Mine()
    with pytest.raises(Mine) as caught:
        async with client(Scripted()) as swaps:
            await swaps.credits()
            raise mine
    assert caught.value is mine


async def test_what_on_event_raises_never_reaches_a_swap(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise KeyError(type(event).__name__)

    async with client(Scripted(), on_event=broken) as swaps:
        assert (await swaps.swap(**PICTURES)).url == RESULT
    assert "on_event raised for Submitting" in caplog.text


async def test_the_key_is_nowhere_to_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    events: list[Event] = []
    echo = says(403, f"key {KEY} may not", x_request_id=KEY)
    service = Scripted(poll=[PROCESSING, DONE], credits=echo)
    texts: list[str] = []
    async with client(service, on_event=events.append) as swaps:
        result = await swaps.swap(reference_character_image=PNG, character_image=SCENE)
        with pytest.raises(SwapError) as caught:
            await swaps.credits()
        texts += [repr(swaps), str(swaps), repr(vars(swaps)), repr(swaps._session), result.model_dump_json()]
        error = caught.value
        texts += [repr(error), str(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__)]
    texts += [caplog.text, *map(repr, events)]
    assert "may not" in caplog.text + repr(events) + str(error)
    assert not [text for text in texts if KEY in text]
    downloads = [seen for seen in service.seen if seen.call == "download"]
    assert not [seen for seen in downloads if KEY in str(seen.request.headers.raw)]


async def test_many_swaps_run_at_once_and_one_failure_ends_only_itself() -> None:
    polls = [late(FAILED if n == 13 else DONE, 0.1) for n in range(40)]
    service = Scripted(submit=[accepted(n) for n in range(40)], poll=polls)
    done: list[str] = []
    failed: list[SwapFailedError] = []

    async with client(service, polling=PollPolicy(interval=1.0)) as swaps:

        async def one() -> None:
            try:
                done.append((await swaps.swap(**PICTURES)).url)
            except SwapFailedError as error:
                failed.append(error)

        async with anyio.create_task_group() as group:
            for _ in range(40):
                group.start_soon(one)
    assert (len(done), len(failed)) == (39, 1)


async def test_two_swaps_to_one_file_are_one_swap_and_one_refusal(tmp_path: Path) -> None:
    endings: list[str] = []
    for slots in (1, 2):
        service = Scripted()
        target = tmp_path / f"{slots}.png"
        async with client(service, max_in_flight=slots) as swaps:

            async def one(swaps: SwapClient = swaps, target: Path = target) -> None:
                try:
                    await swaps.swap(**PICTURES, save_to=target)
                    endings.append("saved")
                except ConfigurationError as error:
                    endings.append("refused" if error.job is None else "paid")

            async with anyio.create_task_group() as group:
                group.start_soon(one)
                group.start_soon(one)
        assert service.count("submit") == 1
    assert sorted(endings) == ["refused", "refused", "saved", "saved"]


async def test_a_swap_that_a_closing_client_cuts_off_carries_its_job() -> None:
    swaps = client(Scripted(poll=PROCESSING))
    errors: list[SwapError] = []

    async def call() -> None:
        with pytest.raises(ConfigurationError, match="closed") as caught:
            await swaps.swap(**PICTURES)
        errors.append(caught.value)

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await anyio.sleep(20)
        await swaps.aclose()
    assert errors[0].job is not None


async def test_a_crash_that_is_no_error_of_ours_after_the_acceptance_names_the_job(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def no_memory(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("segmind_swap._swap.output_files.OutputFile.write", no_memory)
    async with client(Scripted()) as swaps:
        with pytest.raises(MemoryError):
            await swaps.swap(**PICTURES, save_to=tmp_path / "a.png")
    assert poll_url() in caplog.text
