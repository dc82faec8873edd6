"""The pages for contributors name files, classes and tests that exist."""

import ast
import re
from pathlib import Path

import pytest

import segmind_swap

PACKAGE = Path(segmind_swap.__file__).parent
TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"
PAGE = DOCS / "contributing" / "architecture.md"
FOLDERS = ["_protocols", "_api", "_policy", "_http", "_journal", "_swap", "_batch", "_service", "_review"]
NOT_LISTED = {"cli", "emulator", "gallery"}
"""Packages whose insides the page leaves out."""
PAGES = [
    DOCS / "CONTRIBUTING.md",
    DOCS / "SECURITY.md",
    DOCS / "explanation" / "reliability.md",
    DOCS / "explanation" / "trust.md",
    *sorted((DOCS / "contributing").rglob("*.md")),
]


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


def listed_files() -> list[str]:
    """The first word of each line of the page's tree."""
    blocks = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    trees = [block for block in blocks if block.startswith("segmind_swap/")]
    assert len(trees) == 1
    return [line.split()[0] for line in trees[0].splitlines() if line]


def is_listed(file: Path) -> bool:
    """A private folder's `__init__.py` has a paragraph on the page instead of a line in the tree."""
    return file.parts[0] not in NOT_LISTED and not (file.name == "__init__.py" and file.parts[0] in FOLDERS)


def test_the_tree_names_each_module_once_and_no_file_that_is_gone() -> None:
    modules = [file.relative_to(PACKAGE) for file in PACKAGE.rglob("*.py")]
    expected = sorted(f"segmind_swap/{file.as_posix()}" for file in modules if is_listed(file))
    assert sorted(listed_files()) == expected


def test_each_line_of_the_tree_says_what_the_file_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for file in listed_files():
        assert re.search(rf"^{re.escape(file)} {{2,}}\S+( \S+)+$", text, re.MULTILINE), file


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_described_in_the_words_of_its_docstring(folder: str) -> None:
    paragraphs = dict(re.findall(r"^\*\*`(_\w+)`\*\*: (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert sorted(paragraphs) == sorted(FOLDERS)
    module = ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))
    docstring = ast.get_docstring(module)
    assert docstring is not None
    assert " ".join(docstring.split()) == paragraphs[folder]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_only_modules_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`(?:segmind_swap/)?((?:_\w+|cli|testing|emulator)(?:/\w+)*\.py)`", text)
    assert [module for module in named if not (PACKAGE / module).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_only_what_a_module_defines_or_uses(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, module in re.findall(r"`([A-Za-z_.]+)` in `((?:\w+/)*\w+\.py)`", text):
        code = (PACKAGE / module).read_text(encoding="utf-8")
        for word in name.split("."):
            assert re.search(rf"\b{word}\b", code), f"{name} is not in {module}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_only_tests_that_exist(page: Path) -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in TESTS.rglob("*.py"))
    defined = set(re.findall(r"\bdef (test_\w+)\(", code))
    assert set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))) <= defined
