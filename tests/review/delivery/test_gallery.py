"""The page of a delivery: pictures and names, no script, nothing from elsewhere."""

import base64
import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from segmind_swap._review.delivery.gallery import gallery_html


def test_each_picture_is_shown_small_and_opens_large() -> None:
    page = gallery_html("out", "2 pictures.", [("a", "pictures/a b.png", "thumbnails/1.webp")])
    assert '<a href="./pictures/a%20b.png"><img src="./thumbnails/1.webp"' in page
    assert "<bdi>a</bdi>" in page
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert not re.search(r"<script|https?://|\sstyle=", page)


@given(text=st.text(st.characters(codec=None)))
def test_no_text_makes_an_element(text: str) -> None:
    def tags(text: str) -> list[str]:
        return re.findall(r"<[a-z!/]+", gallery_html(text, text, [(text, "a.png", "b.webp")]))

    assert tags(text) == tags("harmless")
