"""Whatever an id is, it is a file name on any system and one line on a screen, or it is refused."""

import os
import tempfile
import unicodedata
from pathlib import Path, PurePath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segmind_swap._api.ids import canonical_id, id_of_file, id_problem

_any_text = st.text(st.characters(), max_size=40)
_likely_ids = st.text(st.characters(exclude_categories=["C"], exclude_characters='<>:"/\\|?*'), min_size=1)


@pytest.mark.parametrize(
    "id",
    ["1", "hero in street", "a.b.c", "größe", "東京", "💃", "con-1", "auxiliary", "-", "_", "X", "a" * 180],
)
def test_an_ordinary_name_is_an_id(id: str) -> None:
    assert id_problem(id) is None


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("", "it is empty"),
        (" \t ", "it is empty"),
        ("\u3000", "it is empty"),
        *(
            (f"a{character}b", f"it has the character {character!r}, which no file name may have everywhere")
            for character in '<>:"/\\|?*\0\n\x1b\x7f\x9f\ud800'
        ),
        *(
            (f"a{mark}b", "it has characters that cannot be seen")
            for mark in "\u00ad\u200b\u202e\u2066\ufeff\u2028"
        ),
        *((id, "it begins or ends with a dot or a space") for id in (".", "..", ".a", "a.", " a", "a ")),
        *(
            (id, "Windows keeps this name for a device")
            for id in ("con", "PRN", "aux.png", "Nul.tar.gz", "com1", "LPT³")
        ),
        ("a" * 181, "it is longer than 180 bytes"),
        ("ü" * 91, "it is longer than 180 bytes"),
    ],
)
def test_a_name_that_would_be_none_somewhere_is_refused_with_the_reason(id: str, words: str) -> None:
    assert id_problem(id) == words


@settings(max_examples=200)
@given(_any_text | _likely_ids)
def test_whatever_passes_is_one_line_and_the_name_of_a_file(id: str) -> None:
    if id_problem(id) is not None:
        return
    assert len(id.splitlines()) == 1
    with tempfile.TemporaryDirectory() as folder:
        # As long as a suffix and the name of a half-written file make it.
        for name in (f"{id}.webp", f".{id}.webp.{'0' * 32}.part"):
            file = Path(folder) / name
            file.write_bytes(b"picture")
            assert file.parent == Path(folder)
        assert len(list(Path(folder).iterdir())) == 2


def test_the_key_of_a_key_is_itself_for_every_character_alone_and_after_a_letter() -> None:
    for code in range(0x30000):  # beyond are private and unassigned ones, which have no case
        for text in (chr(code), f"ᾳ{chr(code)}"):
            key = canonical_id(text)
            if canonical_id(key) != key:
                pytest.fail(f"{text!r} has the key {key!r}, which has the key {canonical_id(key)!r}")


@settings(max_examples=300)
@given(_any_text)
@example("\u03b1\u0345\u0301")
@example("İ")
def test_the_key_is_the_same_for_every_spelling_that_a_file_system_may_take_for_it(id: str) -> None:
    key = canonical_id(id)
    assert canonical_id(key) == key
    for form in ("NFC", "NFD"):
        assert canonical_id(unicodedata.normalize(form, id)) == key
    assert canonical_id(unicodedata.normalize("NFC", id).casefold()) == key


@pytest.mark.parametrize(
    ("one", "other"), [("Hero", "hERO"), ("größe", "GRÖSSE"), ("caf\u00e9", "cafe\u0301"), ("\u212b", "å")]
)
def test_names_that_differ_in_case_or_spelling_alone_have_one_key(one: str, other: str) -> None:
    assert canonical_id(one) == canonical_id(other)


def test_names_that_differ_otherwise_have_keys_of_their_own() -> None:
    ids = ["a", "b", "a1", "a-1", "a 1", "a_1", "ä", "ae", "\uff11"]
    assert len({canonical_id(id) for id in ids}) == len(ids)


@settings(max_examples=300)
@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=80), st.booleans())
@example("con.foo.png", False)
@example("..png", False)
@example("\u200d" * 60 + "👩\u200d🚀" * 30 + ".png", False)
@example("\udce9.png", False)
def test_every_file_has_an_id_that_can_be_used_and_depends_on_its_name_alone(
    name: str, distinct: bool
) -> None:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return  # no file has this name
    id = id_of_file(name, distinct=distinct)
    assert id_problem(id) is None
    assert id == id_of_file(name, distinct=distinct)
    if not distinct and id_problem(PurePath(name).stem) is None:
        assert id == PurePath(name).stem


def test_two_files_never_share_an_id_that_was_made_of_their_names() -> None:
    names = ["a:b.png", "a_b.png", "a?b.png", "a:b.jpg", "a*b.png", "街" * 70 + "1.png", "街" * 70 + "2.png"]
    assert len({canonical_id(id_of_file(name)) for name in names}) == len(names)
    assert len({canonical_id(id_of_file(name, distinct=True)) for name in names}) == len(names)
