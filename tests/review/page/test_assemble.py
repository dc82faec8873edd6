"""The page as one file: its policy names its own script and style, and its data is only data."""

import base64
import hashlib
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from segmind_swap._review.page.assemble import page_html, policy

DATA = {"title": "</script><script>alert(1)</script><!--", "items": []}


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_allows_this_script_and_this_style_alone() -> None:
    html = page_html(DATA, served=False)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert f"script-src '{digest(script)}'" in html
    assert f"style-src '{digest(style)}'" in html
    assert "default-src 'none'" in html
    assert "unsafe" not in policy(served=True) + policy(served=False)


def test_a_file_may_request_nothing_and_a_served_page_its_server_alone() -> None:
    assert "connect-src 'none'" in policy(served=False)
    assert "connect-src 'self'" in policy(served=True)
    assert "file:" not in policy(served=True)


def test_there_is_no_handler_and_no_style_in_the_markup() -> None:
    html = page_html(DATA, served=False)
    markup = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", html, flags=re.DOTALL)
    assert not re.search(r"\s(on\w+|style)=", markup)
    assert not re.search(r"https?://", markup)
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)[0]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script)


@given(text=st.text(st.characters(codec=None)))
def test_no_text_ends_the_data(text: str) -> None:
    html = page_html({"title": text}, served=False)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert json.loads(data) == {"title": text}
    assert "<" not in data
