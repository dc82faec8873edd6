"""The page of a delivery: the pictures to look at, without a script, and with nothing from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Iterable
from importlib import resources
from string import Template
from urllib.parse import quote

from ..._api.text import visible
from ..page.assemble import csp_hash


def gallery_html(title: str, lead: str, pictures: Iterable[tuple[str, str, str]]) -> str:
    """The page. Each picture has a name, its file and its thumbnail, relative to the page, with slashes."""
    folder = resources.files(__package__)
    template, style = (folder.joinpath(f"gallery.{suffix}").read_text("utf-8") for suffix in ("html", "css"))
    figures = "".join(
        f'<li><a href="{_url(file)}"><img src="{_url(thumbnail)}" alt="" loading="lazy" decoding="async">'
        f"<span><bdi>{_text(name)}</bdi></span></a></li>\n"
        for name, file, thumbnail in pictures
    )
    return Template(template).substitute(
        title=_text(title), lead=_text(lead), style=style, style_hash=csp_hash(style), figures=figures
    )


def _url(file: str) -> str:
    return html.escape(f"./{quote(file, errors='surrogateescape')}")


def _text(text: str) -> str:
    return html.escape(visible(text))
