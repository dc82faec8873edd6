"""The reference says what the docstrings say, describes all exported names, and is readable on a Git host."""

import importlib.util
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

import segmind_swap
from segmind_swap import Event, SwapError

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OF_SPHINX = re.compile(
    r"\{(?:eval-rst|image|figure|download)\}|(?<!/)\{(?:py:)?\w+\}`|\[\]\(|^:::+\{", re.MULTILINE
)
"""What a Git host shows as it is written, or does not show at all."""


@cache
def text_of(page: str) -> str:
    return (REFERENCE / f"{page}.md").read_text(encoding="utf-8")


def described(page: str) -> set[str]:
    """The names that have a section, which is written from a docstring."""
    blocks = re.findall(r"^<!-- from the docstrings: [\w.]+: (.*) -->$", text_of(page), re.MULTILINE)
    return {name for block in blocks for name in re.findall(r"(\w+)(?:\([\w ]*\))?", block)}


def in_tables(page: str) -> set[str]:
    return set(re.findall(r"^\| \[`(\w+)`\]", text_of(page), re.MULTILINE))


def writer() -> ModuleType:
    file = ROOT / "docs" / "write_reference.py"
    spec = importlib.util.spec_from_file_location("write_reference", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_say_what_the_docstrings_say() -> None:
    stale = [file.name for file, text in writer().pages().items() if text != file.read_text("utf-8")]
    assert not stale, "run: python docs/write_reference.py"


def test_a_docstring_becomes_a_section_with_signature_arguments_errors_and_links() -> None:
    text = text_of("client").partition("#### `SwapClient.wait`")[2].partition("####")[0]
    assert "```py\nasync def wait(\n    job: SwapJob,\n    *,\n    timeout: float | None = None,\n" in text
    assert "Free, and may be repeated" in text
    assert "- `job`: The job that [`submit`](#swapclientsubmit) returned" in text
    assert "- [`SwapFailedError`](errors.md#swapfailederror), [`SwapTimeoutError`](" in text


def test_the_reference_describes_every_error_twice_in_the_table_and_in_full() -> None:
    exported = {
        name
        for name in segmind_swap.__all__
        if inspect.isclass(kind := getattr(segmind_swap, name)) and issubclass(kind, SwapError)
    }
    assert described("errors") == exported
    assert in_tables("errors") == exported - {"SwapError", "StatusError"}, "the roots are never raised"


def test_the_reference_describes_every_event() -> None:
    events = {kind.__name__ for kind in get_args(Event)}
    assert described("events") == events | {"Event", "EventHandler"}
    assert in_tables("events") == events


def test_the_client_and_emulator_references_describe_all_that_is_exported() -> None:
    from segmind_swap import emulator

    pages = ("client", "service", "errors", "events", "review", "measures", "emulator")
    sections = set().union(*map(described, pages))
    assert {*segmind_swap.__all__, *emulator.__all__} <= sections


def test_the_testing_reference_describes_every_fixture_and_function() -> None:
    from segmind_swap import testing

    fixtures = set(re.findall(r"^\| `(\w+)` ", text_of("testing"), re.MULTILINE))
    assert {*testing.__all__} - {"pytest_configure"} <= fixtures | described("testing")


def test_the_reference_of_events_for_browsers_describes_every_name() -> None:
    from segmind_swap import web

    assert described("web") == set(web.__all__)


# What a Git host shows


@cache
def anchors(document: Path) -> set[str]:
    """The anchors of the headings, as Git hosts and MyST make them."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", text):
        yield target[0] or target[1]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_every_link_of_a_document_leads_to_a_file_and_a_heading_that_exist(document: Path) -> None:
    for link in links(document):
        if not link.startswith("https://"):
            name, _, anchor = link.partition("#")
            target = (document.parent / name).resolve() if name else document
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_a_document_has_nothing_that_only_sphinx_can_show(document: Path) -> None:
    assert not OF_SPHINX.findall(document.read_text(encoding="utf-8"))
