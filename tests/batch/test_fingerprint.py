"""What identifies a swap: which pictures are swapped, wherever they are, and which way round."""

import pytest

from segmind_swap._api.image_header import checked
from segmind_swap._batch.fingerprint import fingerprint_of, identity_of

from ..support.sessions import png

HERO, STREET = "https://pictures.example/hero.png", "https://pictures.example/street.png"


def test_a_picture_is_its_content_and_a_url_is_itself() -> None:
    image = checked(png(1), max_bytes=1_000)
    assert identity_of(image) == identity_of(checked(png(1), max_bytes=2_000)) == f"sha256:{image.sha256}"
    assert identity_of(checked(png(2), max_bytes=1_000)) != identity_of(image)
    assert identity_of(HERO) == HERO


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((HERO, STREET), (STREET, HERO)),
        ((HERO, STREET), (HERO, HERO)),
        (("a", "bc"), ("ab", "c")),
        (('a", "b', "c"), ("a", 'b", "c')),
    ],
)
def test_other_pictures_have_another_fingerprint(first: tuple[str, str], second: tuple[str, str]) -> None:
    assert fingerprint_of(first) != fingerprint_of(second)
    assert fingerprint_of(first) == fingerprint_of(list(first))
