"""The tag of a key: stable, salted, and without the key in it."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmind_swap._api.account.key_tag import key_tag

SALT = bytes(range(16))
KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80)


def test_a_tag_is_the_same_in_every_process_and_version() -> None:
    # Journals keep tags: a change of this value would make each known key an unknown one.
    assert key_tag("SG_0123456789abcdef", SALT) == "9e264f6e0b77cadeba891a34b89c2f4e"


@given(KEYS, KEYS)
def test_two_keys_have_the_same_tag_only_if_they_are_the_same_key(one: str, other: str) -> None:
    assert (key_tag(one, SALT) == key_tag(other, SALT)) is (one == other)


@given(KEYS)
def test_a_tag_is_32_digits_and_another_one_under_another_salt(key: str) -> None:
    tag = key_tag(key, SALT)
    assert re.fullmatch(r"[0-9a-f]{32}", tag)
    assert tag != key_tag(key, os.urandom(16))


def test_a_salt_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="has 15 bytes"):
        key_tag("key", SALT[:15])
