"""A plain HTTP caller of the emulator, and the published payloads it is compared with."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from segmind_swap.emulator import Emulator

WORKFLOW = "/workflows/678aa4026426baad7e5392fb-v7"
KEY = {"x-api-key": "emulator-key"}
SWAP = {
    "reference_character_image": "https://pictures.example/hero.png",
    "character_image": "https://pictures.example/street.png",
}

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
