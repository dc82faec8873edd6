"""One table of hidden characters: in ids, in texts of servers, on a screen."""

# ruff: noqa: RUF001 - Arabic letters are part of the subject

import unicodedata

import idna.core
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segmind_swap._api.ids import canonical_id, id_problem
from segmind_swap._api.text import harmless, has_hidden, shorten, visible, without_hidden

UNSEEN = "it has characters that cannot be seen"

# Unicode Standard Annex 9, table 4; then what looks like nothing in any text.
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NEVER = (
    BIDI
    + "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u200b\u2028\u2029\u2060\u2061\u2062"
    + "\u2063\u2064\u206a\u206f\u3164\ufeff\uffa0\ufff9\ufffa\ufffb\U0001d173\U000e0001\U000e0020\U000e0041"
    + "\U000e007f"
)
SOMETIMES = "\u200c\u200d\ufe00\ufe0e\ufe0f\U000e0100"


def tags(code: str) -> str:
    """The code of a region in tags, as in the flag of England, with their end."""
    return "".join(chr(0xE0000 + ord(letter)) for letter in code) + "\U000e007f"


# Persian, Kurdish, Hindi, Kannada, Sinhala, and emoji of several characters.
IN_PLACE = [
    "می\u200cخواهم",
    "کتاب\u200cها",
    "خانه\u200cای",
    "بَ\u200cبَ",
    "क्\u200cष",
    "क्\u200dष",
    "ನ್\u200dನ",
    "ශ්\u200dරී",
    "👩\u200d🚀",
    "👩🏽\u200d🚀",
    "❤\ufe0f",
    "❤\ufe0f\u200d🔥",
    "🏳\ufe0f\u200d🌈",
    "👨\u200d👩\u200d👧\u200d👦",
    "1\ufe0f\u20e3",
    "☎\ufe0e",
    "葛\U000e0100",
    "﨑\ufe00",
    "র\u200d্য",
    "ರ\u200d್ಕ",
    "ᠮᠣᠩ\u180bᠭᠣᠯ",
    "ᠨᠠᠭᠠᠨ\u180eᠠ",
    f"🏴{tags('gbeng')}",
    f"🏴{tags('ustx')}🏴{tags('gbsct')}!",
    "🇩🇪",
    "🧑🏽\u200d🤝\u200d🧑🏿",
    "👁\ufe0f\u200d🗨\ufe0f",
    "ភាសា្\u200cខ្មែរ",
]

OUT_OF_PLACE = [
    "a\u200cb",
    "a\u200db",
    "\u200cب",
    "ب\u200c",
    "ب\u200d",
    "ا\u200cب",  # alef joins no letter after it: the mark would change nothing
    "ب\u200cء",
    "ب\u200da",
    "👩\u200d",
    "\u200d🚀",
    "👩\u200d\u200d🚀",
    "👩\u200da",
    "a\ufe0f",
    "1\ufe0f",
    "\ufe0f",
    "❤\ufe0f\ufe0f",
    "❤\ufe00",
    "a\U000e0100",
    "葛\ufe0f",
    "a\u200d्",
    "क\u200da",
    "क\u200d",
    "a\u180b",
    "ᠮ\u180b\u180b",
    f"a{tags('gbeng')}",
    f"🏴{tags('gbeng')[:-1]}",
    f"🏴{tags('gb')}",
    f"🏴{tags('gbengeng')}",
    f"🏴{tags('gbeng')}{tags('gbeng')}",
    f"🚀{tags('gbeng')}",
]


@pytest.mark.parametrize("mark", NEVER + SOMETIMES, ids=lambda mark: f"U+{ord(mark):04X}")
def test_a_character_that_cannot_be_seen_is_refused_in_an_id_and_shown_as_its_code(mark: str) -> None:
    for text in (f"a{mark}b", f"a{mark}", f"a{mark}{mark}b"):
        assert id_problem(text) == UNSEEN
        assert has_hidden(text)
        assert shorten(text) == harmless(text) == without_hidden(text) == text.replace(mark, "")
        assert f"[U+{ord(mark):04X}]" in visible(text)
        assert not has_hidden(visible(text))


@pytest.mark.parametrize("text", OUT_OF_PLACE, ids=ascii)
def test_a_joiner_or_a_variation_where_no_script_needs_it_is_hidden(text: str) -> None:
    assert has_hidden(text)
    assert id_problem(text) == UNSEEN
    assert visible(text) != text
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize("text", IN_PLACE, ids=ascii)
def test_a_joiner_or_a_variation_where_a_script_needs_it_is_ordinary_text(text: str) -> None:
    assert not has_hidden(text)
    assert id_problem(text) is None
    assert visible(text) == text


@pytest.mark.parametrize("text", [*IN_PLACE, *OUT_OF_PLACE, "a\U000e0041", "a\u3164", "a\u200bb"], ids=ascii)
def test_ids_that_differ_in_hidden_characters_alone_are_one(text: str) -> None:
    bare = "".join(character for character in text if character not in NEVER + SOMETIMES)
    assert canonical_id(text) == canonical_id(bare)


LETTERS = [
    chr(code)
    for code in (*range(0x0620, 0x0700), *range(0x0750, 0x0780))
    if unicodedata.category(chr(code)) in {"Lo", "Lm"}
]


def test_arabic_letters_join_as_unicode_says() -> None:
    # The package `idna` has Unicode's own table, and the rules of RFC 5892, appendix A.
    wrong = [
        text
        for letter in LETTERS
        for text in (f"{letter}\u200cب", f"ب\u200c{letter}", f"{letter}\u064b\u200c\u0301{letter}")
        if has_hidden(text) == idna.core.valid_contextj(text, text.index("\u200c"))
    ]
    assert wrong == []
    assert len(LETTERS) > 200


def test_a_joiner_after_a_virama_is_in_place_in_every_script() -> None:
    viramas = [chr(code) for code in range(0x110000) if unicodedata.combining(chr(code)) == 9]
    assert len(viramas) > 40
    for virama in viramas:
        for joiner in "\u200c\u200d":
            assert not has_hidden(f"a{virama}{joiner}")
            assert idna.core.valid_contextj(f"a{virama}{joiner}", 2)


def test_whatever_unicode_ignores_by_default_and_every_format_character_of_a_line_is_in_the_table() -> None:
    # Format characters that can be seen: they span digits or letters, or stand before a figure.
    seen = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD}
    seen |= set(range(0x13430, 0x13440))  # these arrange hieroglyphs
    missing = [
        f"U+{code:04X}"
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in {"Cf", "Zl", "Zp"}
        and code not in seen
        and not has_hidden(f"a{chr(code)}b")
    ]
    assert missing == []


def test_controls_are_shown_by_their_pictures_and_lines_stay() -> None:
    assert visible("a\x1b[31m\x00\tb\nc\x7f\x9b\ud800") == "a␛[31m␀␉b\nc[U+007F][U+009B][U+D800]"
    assert visible("a\tb\r\nc", keep="\t\r\n") == "a\tb\r\nc"
    assert visible("a\nb", keep="") == "a␊b"


def test_controls_are_a_space_in_harmless_text() -> None:
    assert harmless("a\x1b[0m\x00b\nc\x9b\ud800d") == "a [0m b c  d"


@settings(max_examples=200, deadline=None, database=None)
@given(st.text(st.characters() | st.sampled_from(list(NEVER + SOMETIMES + "با❤👩क्葛1\u20e3")), max_size=20))
@example("👩\u200d🚀" * 3)
def test_whatever_the_text_nothing_is_hidden_in_what_is_made_of_it(text: str) -> None:
    shown = visible(text)
    assert not has_hidden(shown)
    assert visible(shown) == shown
    assert not has_hidden(harmless(text))
    assert harmless(harmless(text)) == harmless(text)
    key = canonical_id(text)
    assert canonical_id(key) == key
    assert key == canonical_id(without_hidden(text))


@pytest.mark.parametrize("piece", ["\u200c", "ب\u064b\u200c", "\u064b", "\u200d👩", "\u0940\u200c"])
def test_a_long_hostile_text_is_read_in_no_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    assert len(harmless(text)) <= len(text)
    assert visible(text)
    assert isinstance(has_hidden(text), bool)
