"""Write a report of swaps: an HTML page that loads only the pictures beside it, and runs no script."""

from __future__ import annotations

import html
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import count
from pathlib import Path
from string import Template
from urllib.parse import quote, unquote, urlsplit

from segmind_swap._api.text import visible

from .atomic_file import atomic_file

# Up to this number of items, the pictures are large; above it, each item is a row with thumbnails.
_MAX_LARGE = 24

# How many characters of a short and of a long text are shown, because a server's text may be endless.
_MAX_SHORT = 200
_MAX_LONG = 1000

# The CSS class of each state, in the order of the filter. `_terminal/state_labels.py` has the same colours.
_TONES = {
    "saved": "good",
    "completed": "warn",
    "accepted": "calm",
    "sending": "calm",
    "pending": "calm",
    "unknown": "warn",
    "expired": "warn",
    "failed": "bad",
    "rejected": "bad",
    "abandoned": "bad",
}
_ORDER = {state: position for position, state in enumerate(_TONES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportItem:
    """One swap on the page. Any text may be hostile, and is escaped.

    Attributes:
        title: The heading, usually the id.
        reference: The reference: a path relative to the folder of the page, or an http(s) URL. The page links
            to a URL, but never loads it.
        scene: The scene, likewise.
        result: The result, likewise; None if there is no result.
        state: The outcome in one word; the page can be filtered by it.
        facts: Further facts, each in a few words.
        reason: Why there is no result, in sentences.
        small: The small copies of the three pictures, likewise. A picture without one is shown itself.
    """

    title: str
    reference: str
    scene: str
    result: str | None
    state: str
    facts: tuple[str, ...] = ()
    reason: str = ""
    small: Mapping[str, str] = field(default_factory=dict)


def write_report(
    path: Path,
    *,
    title: str,
    lead: str,
    items: Iterable[ReportItem],
    totals: Sequence[tuple[str, str]] = (),
    review: str | None = None,
) -> None:
    """Writes the page completely, or not at all. Only one item is in memory at a time.

    Args:
        path: The page; an existing file is replaced.
        title: The heading of the page.
        lead: A paragraph below the heading.
        items: The swaps, in the order of the page.
        totals: Labels and values about all swaps, above the items.
        review: The page to decide on, relative to the folder of the page; None if there is none.

    Raises:
        OSError: The page cannot be written.
    """
    # The filter above the cards shows the counts of all cards, so the cards are written first, to a temporary
    # file. Its folder is that of the page, because the temporary folder of the system may be in memory.
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=path.parent) as cards:
        numbers: defaultdict[str, int] = defaultdict(count().__next__)
        counts: Counter[str] = Counter()
        for item in items:
            counts[item.state] += 1
            cards.write(_card(item, numbers[item.state]))
        cards.seek(0)
        template = (
            resources.files("segmind_swap.cli._report").joinpath("page.html").read_text(encoding="utf-8")
        )
        head, foot = template.split("$cards")
        filled = Template(head).substitute(
            title=_escaped(title, _MAX_SHORT),
            lead=_escaped(lead, _MAX_LONG),
            review="" if review is None else _review_link(review),
            totals=_totals(totals),
            rules=_rules(counts, numbers),
            filter=_filter(counts, numbers),
            layout="large" if counts.total() <= _MAX_LARGE else "dense",
        )
        with atomic_file(path) as page:
            page.write(filled)
            shutil.copyfileobj(cards, page)
            page.write(foot)


def _totals(totals: Sequence[tuple[str, str]]) -> str:
    pairs = "".join(
        f"<div><dt>{_escaped(label, _MAX_SHORT)}</dt><dd>{_escaped(value, _MAX_SHORT)}</dd></div>"
        for label, value in totals
    )
    return f'<dl class="totals">{pairs}</dl>' if pairs else ""


def _rules(counts: Mapping[str, int], numbers: Mapping[str, int]) -> str:
    """CSS that shows only the items of the chosen state, because the page may run no script."""
    return "\n".join(
        f".filter:has(#s{numbers[state]}:checked) + .cards > :not(.s{numbers[state]}) {{ display: none; }}"
        for state in counts
    )


def _filter(counts: Counter[str], numbers: Mapping[str, int]) -> str:
    if not counts:
        return '<p class="empty">There is nothing to show: the batch has no swaps.</p>'
    choice_of_all = _choice("all", "all", "", counts.total(), chosen=True)
    choices = "".join(
        _choice(f"s{numbers[state]}", state, _tone(state), counts[state])
        for state in sorted(counts, key=lambda state: _ORDER.get(state, len(_ORDER)))
    )
    return f'<fieldset class="filter"><legend>Show</legend>{choice_of_all}{choices}</fieldset>'


def _choice(id: str, label: str, tone: str, number: int, *, chosen: bool = False) -> str:
    checked = " checked" if chosen else ""
    return (
        f'<label class="{tone}"><input type="radio" name="state" id="{id}"{checked}>'
        f"{_escaped(label, _MAX_SHORT)} <b>{number:,}</b></label>"
    )


def _card(item: ReportItem, number: int) -> str:
    state = f'<li class="state">{_escaped(item.state, _MAX_SHORT)}</li>'
    facts = "".join(f"<li>{_escaped(fact, _MAX_SHORT)}</li>" for fact in item.facts)
    with_reason = " with-reason" if item.reason else ""
    reason = f'<p class="reason"><bdi>{_escaped(item.reason, _MAX_LONG)}</bdi></p>' if item.reason else ""
    return (
        f'<li class="s{number} {_tone(item.state)}{with_reason}"><article>'
        f'<div class="about"><h2><bdi>{_escaped(item.title, _MAX_SHORT)}</bdi></h2>'
        f'<ul class="facts">{state}{facts}</ul>{reason}</div>'
        f'<div class="figures">{_figure(item, item.reference, "Reference")}'
        f"{_figure(item, item.scene, 'Scene')}{_figure(item, item.result, 'Result')}</div></article></li>\n"
    )


def _tone(state: str) -> str:
    return _TONES.get(state, "calm")


def _review_link(page: str) -> str:
    return (
        f'<p class="lead"><a href="{html.escape(_relative_link(page))}">Decide which pictures to keep</a></p>'
    )


def _figure(item: ReportItem, picture: str | None, caption: str) -> str:
    if picture is None:
        shown = '<p class="box">no result</p>'
    elif picture.lower().startswith(("http://", "https://")):
        shown = _remote_link(picture)
    else:
        link = html.escape(_relative_link(picture))
        source = html.escape(_relative_link(item.small.get(picture, picture)))
        shown = (
            f'<a class="box" href="{link}"><img src="{source}" alt="{caption}" loading="lazy"'
            ' decoding="async"></a>'
        )
    return f'<figure class="{caption.lower()}">{shown}<figcaption>{caption}</figcaption></figure>'


def _relative_link(path: str) -> str:
    """A relative link for any path, also one that begins with a slash or a scheme, or is not UTF-8."""
    link = quote(_LONE_SURROGATE.sub("\ufffd", path), errors="surrogateescape")
    return link if link.startswith(("./", "../")) else f"./{link}"


def _remote_link(url: str) -> str:
    """A link in place of the picture: opening the report must not contact another server."""
    link = quote(url, safe="%/?#[]@!$&'()*+,;=:~", errors="replace")
    try:
        parts = urlsplit(link)
        host, name = parts.hostname, unquote(parts.path.rpartition("/")[2])
    except ValueError:
        host, name = None, ""
    if not host:
        return f'<p class="box">{_escaped(url, _MAX_SHORT)}</p>'
    shown = _escaped(host, _MAX_SHORT).replace(".", ".<wbr>")
    return (
        f'<a class="box remote" href="{html.escape(link)}" rel="noreferrer">'
        f"<span><b>{shown}</b><br><bdi>{_escaped(name, _MAX_SHORT)}</bdi></span></a>"
    )


# Surrogates that do not stand for a byte of a file name (PEP 383), so no file has such a name.
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def _escaped(text: str, limit: int) -> str:
    """Text as HTML: markup is escaped, hidden characters are made visible, and the length is limited."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return html.escape(visible(text, keep="\t\n\r"))
