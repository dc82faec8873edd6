"""Imports go in one direction: words, pure decisions, I/O, story, faces; the emulator stands aside."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import segmind_swap

PACKAGE = Path(segmind_swap.__file__).parent

LAYERS = {
    "words": {"_errors", "_config", "_models", "_events"},
    "pure": {
        "_auth",
        "_budget",
        "_body",
        "_durations",
        "_encoding",
        "_failures",
        "_hints",
        "_ids",
        "_images",
        "_json",
        "_origin",
        "_outputs",
        "_poll",
        "_record",
        "_requests",
        "_retry",
        "_verdict",
        "_wire",
    },
    "io": {
        "_clients",
        "_fast",
        "_handover",
        "_http",
        "_journal",
        "_journal_file",
        "_limit",
        "_outage",
        "_pace",
        "_rescue",
        "_session",
        "_slots",
        "_store",
        "_tasks",
        "_writer",
    },
    "story": {
        "_batch",
        "_books",
        "_calls",
        "_check",
        "_downloads",
        "_inputs",
        "_item",
        "_outcomes",
        "_submit",
        "_uploads",
        "_wait",
    },
    "faces": {"_client", "_life", "__init__", "cli", "testing"},
    "aside": {"emulator", "gallery"},
}
ORDER = ["words", "pure", "io", "story", "faces"]

# Whose own idea it is to know a library; everybody else goes through them.
KNOWN_ONLY_BY = {
    "tenacity": {"_retry"},
    "httpx": {"_clients", "_fast", "_http", "_life", "testing"},
    "httpx_aiohttp": {"_fast"},
    "aiohttp": {"_fast"},
    "pytest": {"testing"},
    "typer": {"cli"},
    "rich": {"cli"},
    "starlette": {"emulator"},
    "uvicorn": {"emulator"},
    "PIL": {"emulator"},
    "numpy": {"emulator"},
    "onnxruntime": {"emulator"},
    "patchmatch": {"emulator"},
    "trio": {"_tasks"},
    "asyncio": {"_tasks", "cli", "emulator"},
}
WORDS_MAY_USE = sys.stdlib_module_names | {"pydantic", "pydantic_core", "segmind_swap"}
PURE_MAY_USE = WORDS_MAY_USE | {"anyio", "tenacity"}


def _place(file: Path) -> str:
    """A module's name, or that of the folder it is in."""
    first = file.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def _imports(file: Path) -> set[tuple[str, str]]:
    """Each import as (top-level package, module of this package or an empty string)."""
    found = set()
    inside = file.relative_to(PACKAGE).parts[:-1]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            parents = inside[: len(inside) - node.level + 1]
            modules = [node.module] if node.module else [alias.name for alias in node.names]
            names = [".".join(["segmind_swap", *parents, module]) for module in modules]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            found.add((top, rest.partition(".")[0] if top == "segmind_swap" else ""))
    return found


FILES = sorted(PACKAGE.rglob("*.py"))
PLACES = {_place(file) for file in FILES}


def _layer(place: str) -> str:
    return next(name for name, members in LAYERS.items() if place in members)


def test_every_module_has_its_layer_and_no_layer_names_a_module_that_is_gone() -> None:
    named = [member for members in LAYERS.values() for member in members]
    assert sorted(named) == sorted(PLACES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_imports_only_its_own_layer_and_those_below(file: Path) -> None:
    place = _place(file)
    own = {module for top, module in _imports(file) if top == "segmind_swap"} - {place}
    if place in LAYERS["aside"]:
        assert own == set(), "the emulator reads the API for itself, and pictures know nothing of it"
    elif place in {"cli", "testing"}:
        # An empty module name means `segmind_swap` itself: only its public names.
        assert own <= {"", "emulator", "gallery"}
    else:
        allowed = {m for layer in ORDER[: ORDER.index(_layer(place)) + 1] for m in LAYERS[layer]}
        assert own <= allowed - {"cli", "__init__"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_library_is_known_only_where_it_belongs(file: Path) -> None:
    place = _place(file)
    used = {top for top, _ in _imports(file)}
    assert not {name for name in used & set(KNOWN_ONLY_BY) if place not in KNOWN_ONLY_BY[name]}
    if place in LAYERS["words"]:
        assert used <= WORDS_MAY_USE
    if place in LAYERS["pure"]:
        assert used <= PURE_MAY_USE


def test_no_module_of_the_client_is_part_of_a_circle() -> None:
    graph = {
        _place(file): {module for top, module in _imports(file) if top == "segmind_swap" and module}
        for file in FILES
        if _place(file) not in {"emulator", "gallery", "cli", "testing"}
    }
    # A type-checking import from the tree of errors to the job they carry is the one arrow that points up.
    graph["_errors"].discard("_models")
    done: set[str] = set()
    while left := set(graph) - done:
        free = {place for place in left if graph[place] - {place} <= done}
        assert free, f"a circle among {sorted(left)}"
        done |= free


def test_modules_stay_small_enough_to_hold_one_idea() -> None:
    too_long = {file.name: n for file in FILES if (n := len(file.read_text().splitlines())) > 420}
    assert too_long == {}


def test_everything_exported_is_sorted_and_every_class_has_a_docstring() -> None:
    constants_first = sorted(segmind_swap.__all__, key=lambda name: (not name.isupper(), name))
    assert segmind_swap.__all__ == constants_first
    for name in segmind_swap.__all__:
        value = getattr(segmind_swap, name)
        assert not isinstance(value, type) or value.__doc__, f"{name} has no docstring"


def test_the_package_lists_what_it_exports_and_says_what_it_does_not() -> None:
    assert set(segmind_swap.__all__) <= set(dir(segmind_swap))
    namespace: dict[str, object] = {}
    exec("from segmind_swap import *", namespace)
    assert set(segmind_swap.__all__) == set(namespace) - {"__builtins__"}
    with pytest.raises(ImportError, match="cannot import name 'SwapClints'"):
        exec("from segmind_swap import SwapClints")


def _after(program: str) -> tuple[set[str], int]:
    """The modules that a program of its own has imported, and its threads."""
    look = "import sys, threading; print(threading.active_count(), *sys.modules)"
    command = [sys.executable, "-c", f"{program}\n{look}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    threads, *modules = done.stdout.split()
    return set(modules), int(threads)


def test_importing_the_client_imports_no_extra_and_starts_nothing() -> None:
    modules, threads = _after("from segmind_swap import SwapClient")
    assert not modules & {"typer", "starlette", "uvicorn", "PIL", "numpy", "onnxruntime", "trio", "pytest"}
    assert threads == 1


@pytest.mark.parametrize(
    ("program", "spared"),
    [
        ("import segmind_swap", {"httpx", "pydantic", "anyio", "sqlite3", "segmind_swap._errors"}),
        (
            "from segmind_swap import PRICE_USD, RateLimit, SwapError",
            {"httpx", "anyio", "segmind_swap._models"},
        ),
        ("from segmind_swap import SwapJob, Accepted", {"httpx", "segmind_swap._client"}),
        ("from segmind_swap import Journal", {"httpx", "segmind_swap._client"}),
        ("from segmind_swap import Outcomes", {"httpx", "segmind_swap._client"}),
        ("from segmind_swap import SwapClient", {"asyncio", "sqlite3", "segmind_swap._batch"}),
    ],
)
def test_what_is_not_asked_for_is_not_imported(program: str, spared: set[str]) -> None:
    modules, _ = _after(program)
    assert not modules & spared
