"""A page of results to look at: one HTML file that needs nothing but the pictures beside it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One swap, as the page shows it.

    Attributes:
        reference: The new character's picture, as a path from the page's folder.
        scene: Likewise.
        result: Likewise; None if there is none.
        facts: What to say of it, in a few words each.
    """

    title: str
    reference: str
    scene: str
    result: str | None
    facts: tuple[str, ...] = ()


def write_report(path: Path, *, title: str, lead: str, exhibits: Sequence[Exhibit]) -> None:
    """Writes the page."""
    cards = "\n".join(_card(exhibit) for exhibit in exhibits)
    template = Template(resources.files("segmind_swap").joinpath("_report.html").read_text(encoding="utf-8"))
    page = template.substitute(title=html.escape(title), lead=html.escape(lead), cards=cards)
    path.write_text(page, encoding="utf-8")


def _card(exhibit: Exhibit) -> str:
    facts = "".join(f"<li>{html.escape(fact)}</li>" for fact in exhibit.facts)
    figures = _figure(exhibit.reference, "New character", "reference") + _figure(
        exhibit.scene, "Scene", "scene"
    )
    if exhibit.result is None:
        figures += '<p class="none">no result</p>'
    else:
        figures += _figure(exhibit.result, "Result", "result")
    return (
        f'<article><header><h2>{html.escape(exhibit.title)}</h2><ul class="facts">{facts}</ul></header>'
        f'<div class="figures">{figures}</div></article>'
    )


def _figure(path: str, caption: str, kind: str) -> str:
    link = html.escape(f"./{quote(path)}")  # relative, whatever it begins with
    return (
        f'<figure class="{kind}"><a href="{link}"><img src="{link}" alt="{html.escape(caption)}"'
        f' loading="lazy"></a><figcaption>{html.escape(caption)}</figcaption></figure>'
    )
