"""Puts the page together: its markup, its style, its script and its data in one file."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from importlib import resources


def page_html(data: Mapping[str, object], *, served: bool) -> str:
    """The page as one HTML file.

    Args:
        data: What `page_data` returns.
        served: Whether a server sends the page. If not, the page may request nothing at all.
    """
    html, style, script = _parts()
    # A browser ends a script at "</", whatever the type of the script. `<` needs no escape but this one.
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(served=served)}">'
    for place, content in (
        ("<!-- policy -->", meta),
        ("/* style */", style),
        ("/* script */", script),
        ("/* data */", text),
    ):
        html = html.replace(place, content, 1)
    return html


def policy(*, served: bool) -> str:
    """The content security policy of the page. It names the script and the style by their hashes."""
    _, style, script = _parts()
    connect = "'self'" if served else "'none'"
    pictures = "'self' data:" if served else "'self' file: data:"
    return (
        f"default-src 'none'; script-src '{csp_hash(script)}'; style-src '{csp_hash(style)}';"
        f" img-src {pictures}; connect-src {connect}; base-uri 'none'; form-action 'none'"
    )


@functools.cache
def _parts() -> tuple[str, str, str]:
    folder = resources.files(__package__)
    html, style, script = (
        folder.joinpath(name).read_text(encoding="utf-8") for name in ("page.html", "page.css", "page.js")
    )
    return html, style, script


def csp_hash(text: str) -> str:
    """A text of the page as its security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
