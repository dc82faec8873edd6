"""A plain HTTP caller of the emulator, and the published payloads it is compared with."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import anyio
import httpx
from PIL import Image

from segmind_swap.emulator import Emulator

WORKFLOW = "/workflows/678aa4026426baad7e5392fb-v7"
KEY = {"x-api-key": "emulator-key"}
JSON = {"content-type": "application/json"}
SWAP = {
    "reference_character_image": "https://pictures.example/hero.png",
    "character_image": "https://pictures.example/street.png",
}

NOWHERE = {**SWAP, "character_image": "http://127.0.0.1/files/gone.png"}
"""A swap that fails: the emulator itself has no such picture."""

_LINES = (Path(__file__).parents[1] / "payloads" / "payloads.jsonl").read_text().splitlines()
PAYLOADS: dict[str, dict[str, Any]] = {line["id"][:3]: line for line in map(json.loads, _LINES)}


def connect(emulator: Emulator, **headers: str) -> httpx.AsyncClient:
    """A client without sockets; it has the right key unless headers are given."""
    transport = httpx.ASGITransport(app=emulator.app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers or KEY)


async def submit(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await client.post(WORKFLOW, json=fields or SWAP)


async def poll_url(client: httpx.AsyncClient, **fields: Any) -> str:
    response = await submit(client, **fields)
    assert response.status_code == 200, response.text
    return str(response.json()["poll_url"])


async def upload(client: httpx.AsyncClient, *pictures: bytes, media_type: str = "image/png") -> list[str]:
    urls = [f"data:{media_type};base64,{base64.b64encode(picture).decode()}" for picture in pictures]
    response = await client.post("/upload-asset", json={"data_urls": urls})
    assert response.status_code == 200, response.text
    return list(response.json()["file_urls"])


def picture(color: str = "red", size: tuple[int, int] = (40, 30), form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, form)
    return out.getvalue()


async def finished(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    url = await poll_url(client, **fields)
    await anyio.sleep(71.89)
    return dict((await client.get(url)).json())


def output_url(body: dict[str, Any]) -> str:
    (item,) = json.loads(body["output"])
    return str(item["value"]["data"])


async def poll_to_end(client: httpx.AsyncClient, url: str, every: float = 7.0) -> dict[str, Any]:
    for _ in range(1000):
        body: dict[str, Any] = (await client.get(url)).json()
        if body["status"] not in {"QUEUED", "PROCESSING"}:
            return body
        await anyio.sleep(every)
    raise AssertionError("the job did not end")


async def submit_statuses(client: httpx.AsyncClient, count: int) -> list[int]:
    return [(await submit(client)).status_code for _ in range(count)]


async def body_of(emulator: Emulator, **fields: Any) -> Any:
    """The last poll of a job, as it is on the wire."""
    async with connect(emulator) as http:
        url = await poll_url(http, **fields)
        await anyio.sleep(72)
        return (await http.get(url)).json()


def control(emulator: Emulator, **headers: str) -> httpx.AsyncClient:
    """A program that controls the emulator; it needs no key."""
    transport = httpx.ASGITransport(app=emulator.app)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers)


async def control_json(client: httpx.AsyncClient, path: str) -> Any:
    response = await client.get(f"/_emulator/{path}")
    assert response.status_code == 200, response.text
    return response.json()
