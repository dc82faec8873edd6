"""Imports go in one direction, by package: vocabulary, rules, devices, one swap, many swaps, faces."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import segmind_swap

PACKAGE = Path(segmind_swap.__file__).parent
TESTS = Path(__file__).parent

LAYERS: list[set[str]] = [
    # In the order in which the modules of the vocabulary import each other.
    {"_models", "_errors", "_outcome", "_config", "_events", "_protocols"},
    {"_api", "_policy", "_concurrency"},
    {"_http", "_journal"},
    {"_swap"},
    {"_batch", "_review", "_service"},
    {"_client", "_reviewing", "_serving", "__init__", "testing", "web"},
    {"cli", "__main__"},
]
VOCABULARY = ["_models", "_errors", "_outcome", "_config", "_events", "_protocols"]
ASIDE = {"emulator", "gallery"}
"""They import nothing of the client: a mistake that both share could not be found."""

FORBIDDEN = {
    "_api": {"_policy", "_concurrency"},
    "_policy": {"_api", "_concurrency"},
    "_concurrency": {"_api", "_policy"},
    "_http": {"_journal"},
    "_journal": {"_http"},
    "_swap": {"_journal"},
    "_batch": {"_journal", "_http", "_review", "_service"},
    "_review": {"_journal", "_http", "_batch", "_service"},
    "_service": {"_journal", "_http", "_review"},
}
"""What a package may not import, although it is in its own layer or in a lower one."""

CLI_MAY_IMPORT = {"", "emulator", "gallery", "_api.text", "_api.ids"}
"""Public names, which have no module, the one table of hidden characters, and the rules of ids."""

# A library is known to one package only. The others go through that package.
KNOWN_ONLY_BY = {
    "tenacity": {"_policy.retry"},
    "httpx": {"_http", "testing"},
    "httpx_aiohttp": {"_http.aiohttp"},
    "aiohttp": {"_http.aiohttp"},
    "h11": {"_review.serving"},
    "sqlite3": {"_journal"},
    "threading": {"_journal.writer", "cli", "emulator"},
    "asyncio": {"_concurrency", "cli", "emulator"},
    "trio": {"_concurrency"},
    "pytest": {"testing"},
    "typer": {"cli"},
    "rich": {"cli"},
    "starlette": {"emulator"},
    "uvicorn": {"emulator"},
    "PIL": {"emulator", "_review"},
    "numpy": {"emulator"},
    "onnxruntime": {"emulator"},
    "patchmatch": {"emulator"},
}
VOCABULARY_MAY_USE = sys.stdlib_module_names | {"pydantic", "pydantic_core", "segmind_swap"}
RULES_MAY_USE = VOCABULARY_MAY_USE | {"anyio", "sniffio", "tenacity", "trio"}

LONGER = {"_client.py": 720, "_errors.py": 480}
"""Lists of signatures, or of classes, that a reader looks for in one place."""

DECLARATIONS = ("_protocols", "cli._app", "testing.contracts")
"""Folders that hold declarations, or tests, only. One file tests each of them."""

FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(file: Path) -> str:
    """The module in a file, below `segmind_swap`: `_http.gate`, `_http` for its `__init__`."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def package_of(module: str) -> str:
    return module.partition(".")[0]


MODULES = {module_of(file): file for file in FILES}


def _nodes(tree: ast.Module, *, at_run_time: bool) -> list[ast.AST]:
    if not at_run_time:
        return list(ast.walk(tree))
    # What a function imports, or what only a type checker reads, is not imported with the module.
    found: list[ast.AST] = []
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        is_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not is_typing and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            found.append(node)
            todo.extend(ast.iter_child_nodes(node))
    return found


def imports(file: Path, *, at_run_time: bool = False) -> set[tuple[str, str]]:
    """Each import as (library, module below `segmind_swap` or an empty string)."""
    found = set()
    inside = file.relative_to(PACKAGE).parts[:-1]
    for node in _nodes(ast.parse(file.read_text(encoding="utf-8")), at_run_time=at_run_time):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            parents = inside[: len(inside) - node.level + 1]
            module = ".".join([*parents, *([node.module] if node.module else [])])
            names = [f"segmind_swap.{module}.{alias.name}".replace("..", ".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            library, _, rest = name.partition(".")
            own = rest if rest in MODULES else rest.rpartition(".")[0]
            found.add((library, own if library == "segmind_swap" else ""))
    return found


def own_imports(file: Path, *, at_run_time: bool = False) -> set[str]:
    return {module for library, module in imports(file, at_run_time=at_run_time) if library == "segmind_swap"}


def layer_of(package: str) -> int:
    return next(number for number, layer in enumerate(LAYERS) if package in layer)


def is_inside(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def test_every_package_has_its_layer_and_no_layer_names_a_package_that_is_gone() -> None:
    named = sorted([package for layer in LAYERS for package in layer] + sorted(ASIDE))
    assert named == sorted({package_of(module) for module in MODULES})


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_its_own_layer_and_those_below(module: str) -> None:
    package, own = package_of(module), own_imports(MODULES[module])
    others = {imported for imported in own if package_of(imported) != package}
    if package in ASIDE:
        assert others == set()
    elif package == "cli":
        assert others <= CLI_MAY_IMPORT or not [
            imported for imported in others if not is_inside(imported, CLI_MAY_IMPORT - {""}) and imported
        ]
    elif package != "__init__":
        # The package itself, with an empty name, has the public names: only its own users import it.
        allowed = {name for layer in LAYERS[: layer_of(package) + 1] for name in layer}
        allowed |= {"", "emulator"} if package == "testing" else set()
        assert {package_of(imported) for imported in others} <= allowed - FORBIDDEN.get(package, set())


@pytest.mark.parametrize("module", VOCABULARY)
def test_the_vocabulary_imports_itself_in_one_order(module: str) -> None:
    own = own_imports(MODULES[module], at_run_time=True)
    assert own <= set(VOCABULARY[: VOCABULARY.index(module)])


@pytest.mark.parametrize("module", MODULES)
def test_a_library_is_known_only_where_it_belongs(module: str) -> None:
    file, package = MODULES[module], package_of(module)
    at_run_time = {library for library, _ in imports(file, at_run_time=True)}
    used = {library for library, _ in imports(file)}
    # A type may be named wherever it is part of a signature.
    known = {"httpx"} - at_run_time if package in {"_client", "_swap"} else set()
    for library in used & set(KNOWN_ONLY_BY) - known:
        assert is_inside(module, KNOWN_ONLY_BY[library]), f"{module} knows {library}"
    if package in LAYERS[0]:
        assert used <= VOCABULARY_MAY_USE
    if package in LAYERS[1]:
        assert used <= RULES_MAY_USE


def test_no_module_of_the_client_is_part_of_a_circle() -> None:
    graph = {
        module: own_imports(file, at_run_time=True) - {"", module}
        for module, file in MODULES.items()
        if package_of(module) not in {*ASIDE, "cli", "testing", "__init__", "__main__"}
    }
    done: set[str] = set()
    while left := set(graph) - done:
        free = {module for module in left if graph[module] <= done}
        assert free, f"a circle among {sorted(left)}"
        done |= free


def test_the_longest_chain_of_imports_is_short() -> None:
    depth: dict[str, int] = {}

    def chain(module: str) -> int:
        if module not in depth:
            below = own_imports(MODULES[module], at_run_time=True) - {"", module}
            depth[module] = 1 + max((chain(other) for other in below), default=0)
        return depth[module]

    # `testing` also stands on the emulator, which is a package of its own.
    longest = max((m for m in MODULES if package_of(m) not in {*ASIDE, "testing"}), key=chain)
    # A service is one batch, and a batch is many swaps.
    assert depth[longest] <= 12, f"the chain of {longest} has {depth[longest]} modules"


def test_the_package_of_a_private_folder_has_one_paragraph_and_no_import() -> None:
    for folder in (
        "_protocols",
        "_api",
        "_policy",
        "_http",
        "_journal",
        "_swap",
        "_batch",
        "_service",
        "_review",
    ):
        tree = ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))
        paragraph = ast.get_docstring(tree)
        assert len(tree.body) == 1
        assert paragraph
        assert "\n\n" not in paragraph


def test_files_and_folders_stay_small_enough_to_hold_one_idea() -> None:
    too_long = {
        str(file.relative_to(PACKAGE)): lines
        for file in FILES
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGER.get(file.name, 400)
    }
    assert too_long == {}
    folders = {file.parent for file in FILES}
    assert {
        folder.name: n
        for folder in folders
        if (n := len({*folder.glob("*.py")} - {folder / "__init__.py"})) > 12
    } == {}


def test_each_module_has_its_tests_in_the_mirrored_place() -> None:
    missing = []
    for module, file in MODULES.items():
        if file.name == "__init__.py":
            continue
        folder = next((folder for folder in DECLARATIONS if module.startswith(f"{folder}.")), module)
        *folders, name = (part.strip("_") for part in folder.split("."))
        # The programs beside the tests have this folder on their path, where `http` is Python's own.
        place = TESTS.joinpath(*("_http" if folder == "http" else folder for folder in folders))
        if not [*place.glob(f"test_{name}.py"), *place.glob(f"test_{name}_*.py")]:
            missing.append(module)
    assert missing == []


def test_each_file_that_a_session_selects_exists() -> None:
    noxfile = (TESTS.parent / "noxfile.py").read_text(encoding="utf-8")
    selected = re.findall(r'"tests/([\w/]+\.py)"', noxfile)
    assert len(selected) > 30
    assert [name for name in selected if not (TESTS / name).is_file()] == []


def test_no_file_of_tests_is_too_long_to_find_something() -> None:
    lengths = {
        str(file.relative_to(TESTS)): len(file.read_text(encoding="utf-8").splitlines())
        for file in TESTS.rglob("*.py")
    }
    assert {name: lines for name, lines in lengths.items() if lines > 600} == {}


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
            {"httpx", "pydantic", "anyio", "segmind_swap._models"},
        ),
        ("from segmind_swap import SwapJob, Accepted", {"httpx", "segmind_swap._client"}),
        ("from segmind_swap import Journal", {"httpx", "segmind_swap._client"}),
        ("from segmind_swap import Outcomes", {"httpx", "segmind_swap._client"}),
        (
            "from segmind_swap import Measurer, Thresholds, flag_results",
            {"PIL", "httpx", "segmind_swap._client"},
        ),
        ("from segmind_swap import SwapClient", {"asyncio", "sqlite3", "segmind_swap._batch.runner"}),
    ],
)
def test_what_is_not_asked_for_is_not_imported(program: str, spared: set[str]) -> None:
    modules, _ = _after(program)
    assert not modules & spared
