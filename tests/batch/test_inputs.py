"""The inputs of one swap of a batch: its id, its pictures, and what identifies them in a journal."""

import hashlib
import io
from pathlib import Path
from typing import Any

import httpx
import pytest

from segmind_swap import ConfigurationError, ImageError, SwapRequest
from segmind_swap._batch.fingerprint import fingerprint_of, identity_of
from segmind_swap._batch.inputs import batch_input_of, check_id, known_ids, output_file_of
from segmind_swap._swap.uploads import Uploads

from ..support.sessions import Wire, png, session_of

URL = "https://pictures.example/hero.png"


def request(id: str | None = "a", *, reference: Any = URL, scene: Any = URL) -> SwapRequest:
    return SwapRequest(id=id, reference_character_image=reference, character_image=scene)


async def _unreachable(request: httpx.Request) -> httpx.Response:
    raise AssertionError("inputs are read and checked, and nothing is sent")


def uploads() -> Uploads:
    return Uploads(session_of(Wire(_unreachable)))


@pytest.mark.parametrize("needed", [True, False])
def test_an_id_that_can_name_a_file_passes(needed: bool) -> None:
    check_id(request("v1.5 größe"), needed=needed)


def test_an_id_is_missed_only_where_it_is_needed() -> None:
    check_id(request(None), needed=False)
    with pytest.raises(ConfigurationError, match="needs an id"):
        check_id(request(None), needed=True)


@pytest.mark.parametrize("needed", [True, False])
@pytest.mark.parametrize("id", ["", "../x", "a/b", "CON", ".hidden"])
def test_an_id_that_cannot_name_a_file_is_refused_even_where_none_is_needed(id: str, needed: bool) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used") as caught:
        check_id(request(id), needed=needed)
    assert repr(id) in str(caught.value)


def test_a_result_is_saved_under_its_id_and_the_dots_of_an_id_are_no_suffix(tmp_path: Path) -> None:
    file = output_file_of(request("v1.5"), tmp_path)
    assert file.path == tmp_path / "v1.5"
    assert file.suffixed


async def test_urls_and_paths_are_kept_as_they_are_and_anything_else_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "scene.png"
    path.write_bytes(png(1))
    inputs = await batch_input_of(uploads(), request(reference=URL, scene=str(path)))
    assert inputs.images == (URL, str(path))
    inputs = await batch_input_of(uploads(), request(reference=png(2), scene=io.BytesIO(png(3))))
    assert inputs.images == (png(2), png(3))


async def test_a_report_calls_bytes_by_type_size_and_digest() -> None:
    digest = hashlib.sha256(png(1)).hexdigest()
    inputs = await batch_input_of(uploads(), request(reference=URL, scene=png(1)))
    assert inputs.names == (URL, f"image/png of {len(png(1)):,} bytes, sha256 {digest[:16]}")


async def test_the_fingerprint_is_of_the_content_wherever_the_content_is(tmp_path: Path) -> None:
    path = tmp_path / "scene.png"
    path.write_bytes(png(1))
    prints = {
        (await batch_input_of(uploads(), request(scene=scene))).fingerprint
        for scene in (png(1), str(path), io.BytesIO(png(1)))
    }
    assert len(prints) == 1


async def test_the_fingerprint_tells_reference_and_scene_and_other_pictures_apart() -> None:
    swaps = [(png(1), png(2)), (png(2), png(1)), (png(1), png(3)), (URL, png(2)), (png(1), URL)]
    prints = {
        (await batch_input_of(uploads(), request(reference=one, scene=other))).fingerprint
        for one, other in swaps
    }
    assert len(prints) == len(swaps)


def test_a_fingerprint_cannot_be_made_by_moving_characters_from_one_picture_to_the_other() -> None:
    assert fingerprint_of(["ab", "c"]) != fingerprint_of(["a", "bc"])
    assert fingerprint_of(['a", "b', "c"]) != fingerprint_of(["a", 'b", "c'])


def test_a_fingerprint_is_the_same_in_each_version_because_journals_hold_it() -> None:
    assert fingerprint_of(["https://a.example/1", "sha256:00"]) == (
        "05d88cb6603efb1cbaf716bcd08ae19d8f80b2974ac89556609a0f23a10af56d"
    )


def test_a_url_identifies_itself() -> None:
    assert identity_of(URL) == URL


@pytest.mark.parametrize("bad", [b"no picture", "missing.png"])
async def test_a_picture_that_cannot_be_used_is_an_image_error_in_either_place(bad: bytes | str) -> None:
    for wrong in (request(reference=bad), request(scene=bad)):
        with pytest.raises(ImageError):
            await batch_input_of(uploads(), wrong)


async def test_an_open_file_is_read_once_and_can_be_submitted_from_what_was_kept() -> None:
    inputs = await batch_input_of(uploads(), request(scene=io.BytesIO(png(4))))
    again = await batch_input_of(uploads(), request(reference=inputs.images[0], scene=inputs.images[1]))
    assert again.fingerprint == inputs.fingerprint


def test_the_ids_of_a_list_are_known_before_the_batch_takes_it_but_only_those_that_can_be_used() -> None:
    requests = [request(id) for id in ("a", None, "a/b", "a\ud800", "c")]
    assert known_ids(requests) == known_ids(tuple(requests)) == ["a", "c"]
    assert known_ids(iter(requests)) == []
    assert known_ids([{"id": "a"}]) == []  # type: ignore[list-item]
