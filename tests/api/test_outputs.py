"""Where the picture is in a finished job's answer."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmind_swap._api.outputs import outputs_of, picture_in
from segmind_swap._api.urls import picture_url
from segmind_swap._models import SwapOutput

A = "https://a.example/a.png"
B = "https://a.example/b.png"
ITEM = {"keyname": "image", "value": {"data": A, "type": "image"}}
CAPTION = {"keyname": "caption", "value": {"data": "a knight", "type": "text"}}
IMAGE_A = SwapOutput(name="image", type="image", data=A)

SHAPES: dict[str, tuple[dict[str, Any], tuple[SwapOutput, ...]]] = {
    "JSON string of a list of items": ({"output": json.dumps([ITEM])}, (IMAGE_A,)),
    "list of items": ({"output": [ITEM]}, (IMAGE_A,)),
    "one item": ({"output": ITEM}, (IMAGE_A,)),
    "JSON string of an object": ({"output": json.dumps({"image": A})}, (SwapOutput(name="image", data=A),)),
    "object": ({"output": {"image": A}}, (SwapOutput(name="image", data=A),)),
    "plain URL": ({"output": A}, (SwapOutput(data=A),)),
    "plain URL in white space": ({"output": f" {A}\n"}, (SwapOutput(data=A),)),
    "JSON-quoted URL": ({"output": json.dumps(A)}, (SwapOutput(data=A),)),
    "list of bare URLs": ({"output": [A, B]}, (SwapOutput(data=A), SwapOutput(data=B))),
    "JSON string of bare URLs": ({"output": json.dumps([A, B])}, (SwapOutput(data=A), SwapOutput(data=B))),
    "outputs beside the status": ({"outputs": [ITEM]}, (IMAGE_A,)),
    "outputs as a JSON string": ({"outputs": json.dumps([ITEM])}, (IMAGE_A,)),
    "output empty, outputs filled": ({"output": "", "outputs": [ITEM]}, (IMAGE_A,)),
    "output wins over outputs": ({"output": [ITEM], "outputs": [B]}, (IMAGE_A,)),
    "key at the top level": ({"status": "COMPLETED", "image": A}, (SwapOutput(name="image", data=A),)),
    "output empty, key at the top level": (
        {"status": "COMPLETED", "output": "", "image": A},
        (SwapOutput(name="image", data=A),),
    ),
    "value a bare string": (
        {"output": [{"keyname": "image", "value": A}]},
        (SwapOutput(name="image", data=A),),
    ),
    "data a list": (
        {"output": [{"keyname": "image", "value": {"data": [A, B], "type": "image"}}]},
        (IMAGE_A, SwapOutput(name="image", type="image", data=B)),
    ),
    "a webhook's item": (
        {"outputs": [{"keyname": "image", "output": {"type": "image", "data": A}}]},
        (IMAGE_A,),
    ),
    "all items kept in order": (
        {"output": [CAPTION, ITEM]},
        (SwapOutput(name="caption", type="text", data="a knight"), IMAGE_A),
    ),
    "a caption that looks like JSON": (
        {"output": [{"keyname": "caption", "value": {"data": "[not json", "type": "text"}}]},
        (SwapOutput(name="caption", type="text", data="[not json"),),
    ),
    "nulls and numbers between": ({"output": [None, 3, True, ITEM, {}]}, (IMAGE_A,)),
    "a type that is no word": (
        {"output": [{"keyname": "image", "value": {"data": A, "type": 7}}]},
        (SwapOutput(name="image", data=A),),
    ),
    "a keyname that is no word": ({"output": [{"keyname": 7, "value": A}]}, (SwapOutput(data=A),)),
    "empty string": ({"output": ""}, ()),
    "empty list": ({"output": []}, ()),
    "empty list as a string": ({"output": "[]"}, ()),
    "null": ({"output": None}, ()),
    "nothing": ({}, ()),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_known_shape_gives_all_items_in_the_servers_order(shape: str) -> None:
    fields, expected = SHAPES[shape]
    assert outputs_of(fields) == expected


@pytest.mark.parametrize(
    "name",
    [
        "character_image",
        "reference_character_image",
        "poll_url",
        "status_url",
        "response_url",
        "request_url",
        "webhook",
        "webhook_url",
    ],
)
def test_an_input_or_an_address_beside_the_status_never_passes_for_the_picture(name: str) -> None:
    assert outputs_of({"status": "COMPLETED", name: A}) == ()
    assert outputs_of({"status": "COMPLETED", name: A, "image": B}) == (SwapOutput(name="image", data=B),)


@pytest.mark.parametrize("junk", ["a caption", '[{"keyname": "image", ', [CAPTION], {"caption": "a knight"}])
@pytest.mark.parametrize("beside", [{"outputs": [ITEM]}, {"image": A}])
def test_an_output_without_a_picture_does_not_hide_the_paid_picture_beside_it(
    junk: object, beside: dict[str, object]
) -> None:
    assert picture_in(outputs_of({"status": "COMPLETED", "output": junk, **beside})) == A


def _output(data: str, type_: str = "") -> SwapOutput:
    return SwapOutput(type=type_, data=data)


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ((), None),
        ((_output(A),), A),
        ((_output(A), _output(B, "image")), B),
        ((_output(A), _output(B, " Image ")), B),
        ((_output(A, "text"), _output(B, "mask")), A),
        ((_output("iVBORw0KGgo=", "image"), _output(B)), B),
        ((_output(A, "image"), _output(B, "image")), A),
        ((_output("http://a.example/a.png"),), "http://a.example/a.png"),
        ((_output("HTTPS://A.example/a.png"),), "HTTPS://A.example/a.png"),
        ((_output("ftp://a.example/a.png", "image"),), None),
        ((_output("javascript:alert(1)", "image"),), None),
        ((_output("data:image/png;base64,AA==", "image"),), None),
        ((_output("/generations/a.png", "image"),), None),
        ((_output("https://user:key@a.example/a.png", "image"),), None),
        ((_output("https://a.example/a b.png"),), "https://a.example/a%20b.png"),
        ((_output("https://a.example/結果.png"),), "https://a.example/%E7%B5%90%E6%9E%9C.png"),
        ((_output("https://a.example/café.png?é#é"),), "https://a.example/caf%C3%A9.png?%C3%A9#%C3%A9"),
        ((_output("https://a.example/a|b^c`d{e}.png"),), "https://a.example/a|b^c%60d%7Be%7D.png"),
        ((_output("https://a.example/a%20b%2Fc.png"),), "https://a.example/a%20b%2Fc.png"),
        ((_output("https://пример.рф/a.png"),), "https://xn--e1afmkfd.xn--p1ai/a.png"),
        ((_output("https://a.example./a.png"),), A),
        ((_output(f"{A} {B}"),), None),
        ((_output(f"{A}, {B}"), _output(B)), B),
        ((_output("https://a.example/a\\b.png"),), None),
        ((_output("https://a.example/a\nb.png"),), None),
        ((_output("https://a b.example/a.png"),), None),
        ((_output("http\u017f://a.example/a.png", "image"),), None),
        ((_output("a knight", "text"),), None),
    ],
)
def test_the_picture_is_the_first_image_and_else_the_first_url(
    outputs: tuple[SwapOutput, ...], expected: str | None
) -> None:
    assert picture_in(outputs) == expected


def test_the_number_of_items_is_bounded() -> None:
    assert len(outputs_of({"output": [A] * 10_000})) == 256
    assert len(outputs_of({f"image{n}": A for n in range(10_000)})) == 256


def test_deep_nesting_ends_without_an_error() -> None:
    lists: Any = A
    quoted = A
    for _ in range(12):
        lists = [lists]
        quoted = json.dumps(quoted)
    assert outputs_of({"output": lists}) == ()
    assert outputs_of({"output": quoted}) == ()
    assert outputs_of({"output": "[" * 100_000}) == (SwapOutput(data="[" * 100_000),)


def test_a_large_answer_is_read_in_no_time() -> None:
    started = time.process_time()
    outputs_of({"output": [[[]] * 1000] * 100, "outputs": "[" + "[]," * 100_000 + "[]]"})
    assert time.process_time() - started < 5


_keys = st.sampled_from(["output", "outputs", "keyname", "value", "data", "type", "image"]) | st.text(
    max_size=4
)
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([A, B])
)
_plain = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=10,
)
_documents = _plain | _plain.map(json.dumps)


@settings(max_examples=120, deadline=None, database=None)
@given(st.dictionaries(_keys, _documents, max_size=6))
def test_whatever_a_job_returns_is_read_without_an_error(fields: dict[str, Any]) -> None:
    outputs = outputs_of(fields)
    assert len(outputs) <= 256
    assert all(item.data for item in outputs)
    picture = picture_in(outputs)
    assert picture is None or picture in {picture_url(item.data) for item in outputs}
