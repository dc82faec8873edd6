"""`SwapClient.check`: what a batch would reject is found before anything is sent."""

from pathlib import Path

import pytest

from segmind_swap import ImageError, Journal, JournalError, OutcomeState
from segmind_swap._api.image_header import LoadedImage
from segmind_swap._models import ImageInput
from segmind_swap._swap import uploads
from segmind_swap._swap.images import load

from ..support.batches import client_of, emulator, run, swap_of, swaps_of
from ..support.sessions import png

S = OutcomeState


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


async def test_a_check_finds_what_a_batch_would_reject_and_sends_nothing(tmp_path: Path) -> None:
    service = emulator()
    (tmp_path / "good.png").write_bytes(png())
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "taken.jpg").write_bytes(b"precious")
    requests = [
        swap_of(0, character_image=tmp_path / "good.png"),
        swap_of(1, character_image=tmp_path / "bad.png"),
        swap_of(2, id="S0"),
        swap_of(3, id="taken"),
        swap_of(4, id="a/b"),
        swap_of(5, id=None),
        swap_of(6, id="s0"),
        swap_of(7),
    ]
    async with client_of(service) as client:
        problems = await client.check(requests, journal=tmp_path / "run.db", save_to=tmp_path)
        assert await client.check(requests[:1], journal=tmp_path / "run.db", save_to=tmp_path / "new") == []
    assert [problem.request for problem in problems] == requests[1:7]
    assert all(problem.state is S.REJECTED and problem.error is not None for problem in problems)
    said = [str(problem.error) for problem in problems]
    for text, word in zip(
        said,
        ["bad.png", "same file as 's0'", "taken.jpg exists", "'/'", "needs an id", "given twice"],
        strict=True,
    ):
        assert word in text
    assert len(service.calls) == 0
    assert not (tmp_path / "run.db").exists()


async def test_a_check_leaves_an_open_file_to_its_swap(tmp_path: Path) -> None:
    service = emulator()
    (tmp_path / "a.png").write_bytes(png())
    with (tmp_path / "a.png").open("rb") as file:
        requests = [swap_of(0, character_image=file)]
        async with client_of(service) as client:
            assert await client.check(requests) == []
            assert (await client.swap_all(requests))[0].ok


async def test_a_check_looks_at_many_pictures_and_at_swaps_without_ids(tmp_path: Path) -> None:
    for number in range(70):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    first = str(tmp_path / "0.png")
    requests = [
        swap_of(n, id=None, reference_character_image=first, character_image=str(tmp_path / f"{n}.png"))
        for n in range(70)
    ]
    async with client_of(service := emulator()) as client:
        assert await client.check(requests) == []
        (tmp_path / "4.png").write_bytes(b"no picture any more")
        (problem,) = await client.check(requests[:8])
    assert isinstance(problem.error, ImageError)
    assert len(service.calls) == 0


async def test_a_check_reads_a_reference_of_many_swaps_once_also_if_it_is_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hero.png").write_bytes(b"no picture")
    reads = 0

    def counted(image: ImageInput, *, max_bytes: int) -> LoadedImage | str:
        nonlocal reads
        reads += image == str(tmp_path / "hero.png")
        return load(image, max_bytes=max_bytes)

    monkeypatch.setattr(uploads, "load", counted)
    requests = [swap_of(number, reference_character_image=tmp_path / "hero.png") for number in range(50)]
    async with client_of(emulator()) as client:
        problems = await client.check(requests)
        assert (len(problems), reads) == (50, 1)
        assert len({str(problem.error) for problem in problems}) == 1
        (tmp_path / "hero.png").write_bytes(png())
        assert await client.check(requests) == []


async def test_a_check_lets_a_swap_pass_that_is_done_and_whose_pictures_are_gone(tmp_path: Path) -> None:
    service, journal, picture = emulator(), Journal(":memory:"), tmp_path / "a.png"
    picture.write_bytes(png())
    request = swap_of(0, character_image=picture)
    await run(service, [request], {"journal": journal})
    picture.unlink()
    async with client_of(service) as client:
        assert await client.check([request], journal=journal) == []
        (problem,) = await client.check([swap_of(1, character_image=picture)], journal=journal)
    assert isinstance(problem.error, ImageError)


async def test_a_check_knows_a_journal_in_memory_too() -> None:
    service, journal = emulator(), Journal(":memory:")
    await run(service, swaps_of(1), {"journal": journal})
    other = swap_of(0, character_image="https://pictures.example/other.png")
    async with client_of(service) as client:
        (problem,) = await client.check([other], journal=journal)
    assert isinstance(problem.error, JournalError)


@pytest.mark.real_time
async def test_a_check_knows_what_the_journal_knows(tmp_path: Path) -> None:
    service, options = emulator(duration=0.05), {"journal": tmp_path / "run.db", "save_to": tmp_path / "out"}
    await run(service, swaps_of(2), options)
    other = swap_of(1, character_image="https://pictures.example/other.png")
    async with client_of(service) as client:
        assert await client.check(swaps_of(2), **options) == []
        (problem,) = await client.check([swap_of(0), other], **options)
    assert isinstance(problem.error, JournalError)
