"""A page of results to look at: one HTML file that needs nothing but the pictures beside it."""

from __future__ import annotations

import html
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import count
from pathlib import Path
from string import Template
from urllib.parse import quote, unquote, urlsplit

# Up to here each item is large; beyond, a row with thumbnails.
_FEW = 24

# Characters of a text that are shown; what a server says may have no end.
_MAX_WORDS = 200
_MAX_SENTENCES = 1000

# In the order in which the filter offers them, and in the colours of the command line's table of states.
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
_ORDER = {state: place for place, state in enumerate(_TONES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One swap, as the page shows it. Any text may be hostile.

    Attributes:
        title: The item's id.
        reference: The new character's picture: a path from the page's folder, or an http(s) URL, which the
            page links to but never loads.
        scene: Likewise.
        result: Likewise; None if there is none.
        state: What became of it, in one word; what the page is filtered by.
        facts: What else to say of it, in a few words each.
        reason: Why there is no result, in sentences.
    """

    title: str
    reference: str
    scene: str
    result: str | None
    state: str
    facts: tuple[str, ...] = ()
    reason: str = ""


def write_report(
    path: Path,
    *,
    title: str,
    lead: str,
    exhibits: Iterable[Exhibit],
    totals: Sequence[tuple[str, str]] = (),
) -> None:
    """Writes the page: all of it, or nothing. Of `exhibits` only one is held at a time.

    Args:
        path: Where; what is there is replaced.
        title: The heading.
        lead: A paragraph below it.
        exhibits: The items, in their order.
        totals: Labels and values of the whole, shown first.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    # The filter above the cards has their counts, so the cards are written first; in the page's folder,
    # because a system's temporary folder may be its memory.
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=path.parent) as cards:
        numbers: defaultdict[str, int] = defaultdict(count().__next__)
        counts: Counter[str] = Counter()
        for exhibit in exhibits:
            counts[exhibit.state] += 1
            cards.write(_card(exhibit, numbers[exhibit.state]))
        cards.seek(0)
        template = resources.files("segmind_swap.cli").joinpath("_report.html").read_text(encoding="utf-8")
        head, foot = template.split("$cards")
        filled = Template(head).substitute(
            title=_text(title, _MAX_WORDS),
            lead=_text(lead, _MAX_SENTENCES),
            totals=_totals(totals),
            rules=_rules(counts, numbers),
            filter=_filter(counts, numbers),
            layout="large" if counts.total() <= _FEW else "dense",
        )
        try:
            with part.open("w", encoding="utf-8") as page:
                page.write(filled)
                shutil.copyfileobj(cards, page)
                page.write(foot)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _totals(totals: Sequence[tuple[str, str]]) -> str:
    pairs = "".join(
        f"<div><dt>{_text(label, _MAX_WORDS)}</dt><dd>{_text(value, _MAX_WORDS)}</dd></div>"
        for label, value in totals
    )
    return f'<dl class="totals">{pairs}</dl>' if pairs else ""


def _rules(counts: Mapping[str, int], numbers: Mapping[str, int]) -> str:
    """What hides the others when one state is chosen: the page may run no script."""
    return "\n".join(
        f".filter:has(#s{numbers[state]}:checked) + .cards > :not(.s{numbers[state]}) {{ display: none; }}"
        for state in counts
    )


def _filter(counts: Counter[str], numbers: Mapping[str, int]) -> str:
    if not counts:
        return '<p class="empty">There is nothing to show: not one swap was asked for.</p>'
    everything = _choice("all", "all", "", counts.total(), chosen=True)
    choices = "".join(
        _choice(f"s{numbers[state]}", state, _tone(state), counts[state])
        for state in sorted(counts, key=lambda state: _ORDER.get(state, len(_ORDER)))
    )
    return f'<fieldset class="filter"><legend>Show</legend>{everything}{choices}</fieldset>'


def _choice(id: str, words: str, tone: str, number: int, *, chosen: bool = False) -> str:
    checked = " checked" if chosen else ""
    return (
        f'<label class="{tone}"><input type="radio" name="state" id="{id}"{checked}>'
        f"{_text(words, _MAX_WORDS)} <b>{number:,}</b></label>"
    )


def _card(exhibit: Exhibit, number: int) -> str:
    state = f'<li class="state">{_text(exhibit.state, _MAX_WORDS)}</li>'
    facts = "".join(f"<li>{_text(fact, _MAX_WORDS)}</li>" for fact in exhibit.facts)
    told = " told" if exhibit.reason else ""
    reason = (
        f'<p class="reason"><bdi>{_text(exhibit.reason, _MAX_SENTENCES)}</bdi></p>' if exhibit.reason else ""
    )
    return (
        f'<li class="s{number} {_tone(exhibit.state)}{told}"><article>'
        f'<div class="about"><h2><bdi>{_text(exhibit.title, _MAX_WORDS)}</bdi></h2>'
        f'<ul class="facts">{state}{facts}</ul>{reason}</div>'
        f'<div class="figures">{_figure(exhibit.reference, "Reference")}{_figure(exhibit.scene, "Scene")}'
        f"{_figure(exhibit.result, 'Result')}</div></article></li>\n"
    )


def _tone(state: str) -> str:
    return _TONES.get(state, "calm")


def _figure(picture: str | None, caption: str) -> str:
    if picture is None:
        shown = '<p class="box">no result</p>'
    elif picture.lower().startswith(("http://", "https://")):
        shown = _elsewhere(picture)
    else:
        link = html.escape(_relative(picture))
        shown = (
            f'<a class="box" href="{link}"><img src="{link}" alt="{caption}" loading="lazy" decoding="async">'
            "</a>"
        )
    return f'<figure class="{caption.lower()}">{shown}<figcaption>{caption}</figcaption></figure>'


def _relative(path: str) -> str:
    """A link from the page's folder, whatever the path begins with and whichever bytes its name has."""
    link = quote(_LONE_HALF.sub("\ufffd", path), errors="surrogateescape")
    return link if link.startswith(("./", "../")) else f"./{link}"


def _elsewhere(url: str) -> str:
    """A link in place of the picture: who opens a report tells nobody."""
    link = quote(url, safe="%/?#[]@!$&'()*+,;=:~", errors="replace")
    try:
        parts = urlsplit(link)
        host, name = parts.hostname, unquote(parts.path.rpartition("/")[2])
    except ValueError:
        host, name = None, ""
    if not host:
        return f'<p class="box">{_text(url, _MAX_WORDS)}</p>'
    shown = _text(host, _MAX_WORDS).replace(".", ".<wbr>")
    return (
        f'<a class="box elsewhere" href="{html.escape(link)}" rel="noreferrer">'
        f"<span><b>{shown}</b><br><bdi>{_text(name, _MAX_WORDS)}</bdi></span></a>"
    )


# Controls, lone surrogates, and the marks that turn a line of text around or hide in it; not the two that
# join and part letters, which scripts and emoji need.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Half of a pair which stands for no byte of a file's name: no file has it.
_LONE_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def _text(text: str, limit: int) -> str:
    """Text as HTML: only text, all of it visible, and with an end."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return html.escape(_UNSEEN.sub(_seen, text))


def _seen(match: re.Match[str]) -> str:
    code = ord(match[0])
    # Unicode has pictures of the first 32.
    return chr(0x2400 + code) if code < 0x20 else f"[U+{code:04X}]"
