"""The page at ``/``: one HTML document assembled from three files, whose policy allows only their code."""

import base64
import functools
import hashlib
from importlib import resources

from starlette.responses import Response


def page() -> Response:
    """The page. Its script requests all its data from the controls."""
    html, policy = _assembled()
    headers = {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
    }
    return Response(html, media_type="text/html", headers=headers)


@functools.cache
def _assembled() -> tuple[str, str]:
    folder = resources.files(__package__).joinpath("page")
    html, style, script = (
        folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "page.js")
    )
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html.replace("/* style */", style).replace("/* script */", script), policy


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
