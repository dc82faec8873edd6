"""What a response looks like in another coding or encoding, and that the client reads it."""

import gzip
import json
import zlib
from typing import Any, get_args

import httpx
import pytest

from segmind_swap import InsufficientCreditsError, RateLimitError, SwapClient
from segmind_swap.emulator import Emulator, Encoding, Fault, Kind, parse_fault

from ..calling import SWAP, connect, picture, submit

CODINGS = ["no-coding", "gzip", "gzip-members", "gzip-padded", "deflate", "raw-deflate"]
UNICODE = ["bom", "utf-16", "utf-32", "surrogate"]


def client_of(emulator: Emulator, **settings: Any) -> SwapClient:
    transport = httpx.ASGITransport(app=emulator.app)
    return SwapClient("emulator-key", base_url="http://127.0.0.1", transport=transport, **settings)


def test_each_encoding_is_a_coding_or_one_of_unicode() -> None:
    assert [*CODINGS, *UNICODE] == list(get_args(Encoding))


async def raw_submit(encoding: Any, **fault: Any) -> tuple[Emulator, httpx.Response, bytes]:
    emulator = Emulator(faults=[Fault(on="submit", encoding=encoding, **fault)])
    async with connect(emulator) as client:
        request = client.build_request("POST", "/workflows/678aa4026426baad7e5392fb-v7", json=SWAP)
        response = await client.send(request, stream=True)
        raw = b"".join([chunk async for chunk in response.aiter_raw()])
        await response.aclose()
    return emulator, response, raw


@pytest.mark.parametrize("encoding", get_args(Encoding))
async def test_an_accepted_submit_is_billed_and_its_answer_only_written_otherwise(encoding: Any) -> None:
    emulator, response, raw = await raw_submit(encoding)
    assert response.status_code == 200
    assert [charge.fault for charge in emulator.ledger] == [f"encoding {encoding}"]
    assert response.headers["content-length"] == str(len(raw))
    label = response.headers.get("content-encoding")
    if encoding in CODINGS:
        assert label == {"no-coding": "base64"}.get(
            encoding, encoding.split("-")[0] if "raw" not in encoding else "deflate"
        )
    else:
        assert label is None
    if encoding.startswith("gzip"):
        content = gzip.decompress(raw)
    elif "deflate" in encoding:
        content = zlib.decompress(raw, wbits=-15 if encoding == "raw-deflate" else 15)
    else:
        content = raw
    fields = json.loads(content)
    assert fields["request_id"] == emulator.ledger[0].request_id
    assert ("note" in fields) is (encoding == "surrogate")


@pytest.mark.parametrize("encoding", CODINGS)
async def test_an_empty_refusal_keeps_its_status_and_has_the_header_alone(encoding: Any) -> None:
    emulator, response, raw = await raw_submit(encoding, status=429, body=b"", headers={"retry-after": "3"})
    assert (response.status_code, raw, response.headers["retry-after"]) == (429, b"", "3")
    assert response.headers["content-encoding"]
    assert emulator.ledger == ()


@pytest.mark.parametrize("encoding", get_args(Encoding))
async def test_the_client_makes_a_swap_whatever_the_encoding_of_every_answer(encoding: Any) -> None:
    emulator = Emulator(faults=[Fault(on=kind, encoding=encoding) for kind in get_args(Kind)])
    async with client_of(emulator) as client:
        result = await client.swap(reference_character_image=picture("red"), character_image=picture("blue"))
        assert (await client.read(result)).startswith(b"\x89PNG")
        assert (await client.credits()).credits == emulator.credits_usd
    assert len(emulator.ledger) == 1
    assert emulator.count("file") == 1


@pytest.mark.parametrize("encoding", CODINGS)
async def test_the_client_obeys_a_refusal_whose_empty_body_names_a_coding(encoding: Any) -> None:
    limited = Fault(
        on="submit", status=429, body=b"", headers={"retry-after": "3"}, encoding=encoding, times=1
    )
    emulator = Emulator(faults=[limited])
    async with client_of(emulator) as client:
        job = await client.submit(**SWAP)
    assert (job.possible_duplicates, len(emulator.ledger)) == (0, 1)

    broke = Emulator(faults=[Fault(on="submit", status=402, body=b"", encoding=encoding)])
    async with client_of(broke) as client:
        with pytest.raises(InsufficientCreditsError):
            await client.submit(**SWAP)
    assert broke.count("submit") == 1

    refusing = Emulator(faults=[Fault(on="submit", status=401, body=b"", encoding=encoding, times=1)])
    async with client_of(refusing) as client:
        await client.submit(**SWAP)
    assert refusing.count("submit") == 2, "the other scheme"


async def test_a_limit_that_stays_is_a_rate_limit_and_costs_nothing() -> None:
    limited = Fault(on="submit", status=429, body=b"", encoding="gzip")
    emulator = Emulator(faults=[limited])
    async with client_of(emulator, timeout=20) as client:
        with pytest.raises(RateLimitError):
            await client.submit(**SWAP)
    assert emulator.ledger == ()


async def test_a_line_names_an_encoding() -> None:
    assert parse_fault("file:no-coding:x1") == Fault(on="file", encoding="no-coding", times=1)
    assert parse_fault("submit:utf-16") == Fault(on="submit", encoding="utf-16")
    with pytest.raises(ValueError, match="encoding must be one of"):
        Fault(on="submit", encoding="utf-7")  # type: ignore[arg-type]
    async with connect(Emulator(faults=[parse_fault("submit:bom")])) as client:
        assert (await submit(client)).content.startswith(b"\xef\xbb\xbf{")
