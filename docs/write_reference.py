"""Writes what the docstrings say into the pages of the reference, which can then be read without Sphinx.

`python docs/write_reference.py` rewrites, in each page of `docs/reference`, what stands between such lines::

    <!-- from the docstrings: segmind_swap: SwapClient Journal(summary outcomes) -->
    <!-- end -->

Each name is a section: a class, a function or an alias that the package exports. Its public members follow,
or those in the parentheses. Only source files are read; nothing is imported.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from inspect import cleandoc
from itertools import chain
from pathlib import Path
from textwrap import dedent, indent

PAGES = Path(__file__).parent / "reference"
CHECKOUT = Path(__file__).parents[1]

_MARKED = re.compile(
    r"^(?P<head><!-- from the docstrings: (?P<package>[\w.]+): (?P<names>.*?) -->)\n.*?^<!-- end -->$",
    re.MULTILINE | re.DOTALL,
)
_NAME = re.compile(r"(\w+)(?:\(([\w ]*)\))?")
_TITLES = {"Args": "Arguments", "Attributes": "Attributes", "Raises": "Errors"}
_CODE = re.compile(r"(`+)([\w.]+)\1(?!`)")
_LONGEST_LINE = 88
_LONGEST_ASSIGNMENT = 110
"""As ruff, which formats the complete statements of a page."""
_VALIDATED = {"FiniteFloat": "float", "AwareDatetime": "datetime"}
"""What pydantic checks, by the type that a user sees."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = ast.ClassDef | Function | ast.Assign | ast.AnnAssign


# Where a name stands in the source


@cache
def module(name: str) -> tuple[ast.Module, bool]:
    """The syntax tree of a module, and whether the module is a package."""
    path = CHECKOUT.joinpath(*name.split("."))
    is_package = path.is_dir()
    file = path / "__init__.py" if is_package else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8")), is_package


def find(place: str, name: str) -> tuple[str, Node, str]:
    """The module that defines a name, which `place` defines or imports; its node and its docstring."""
    tree, is_package = module(place)
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, Node) and name in _names_of(node):
            return place, node, _docstring(node, following)
    for found in ast.walk(tree):
        if isinstance(found, ast.ImportFrom) and name in {alias.name for alias in found.names}:
            parts = place.split(".")
            base = parts[: len(parts) - found.level + is_package] if found.level else []
            return find(".".join([*base, *(found.module or "").split(".")]).strip("."), name)
    raise LookupError(f"{place} has no {name}")


@cache
def exported() -> frozenset[str]:
    """What a user can import, and therefore is written as a name."""
    trees = [module(package)[0] for package in ("segmind_swap", "segmind_swap.emulator")]
    imports = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return frozenset(alias.name for node in imports for alias in node.names)


def _names_of(node: Node) -> set[str]:
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign):
        return {node.target.id} if isinstance(node.target, ast.Name) else set()
    return {node.name}


def _docstring(node: ast.AST, following: ast.AST | None) -> str:
    """The docstring of a definition; that of an assignment is the text that follows the assignment."""
    if isinstance(node, ast.ClassDef | Function):
        return ast.get_docstring(node) or ""
    match following:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return cleandoc(text)
    return ""


# How a definition is written


class _Public(ast.NodeTransformer):
    """An annotation or a default, as a user may write it: without private names and validators."""

    def __init__(self, place: str) -> None:
        self._place = place

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in _VALIDATED:
            return ast.Name(_VALIDATED[node.id])
        if node.id in exported() and not node.id.isupper():
            return node
        try:
            place, found, _ = find(self._place, node.id)
        except (LookupError, FileNotFoundError):  # a name of Python, or of another package
            return node
        value = found.value if isinstance(found, ast.Assign | ast.AnnAssign) else None
        return node if value is None else ast.parse(text_of(value, place), mode="eval").body

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in {"Annotated", "SkipValidation"}:
            kind = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) else node.slice
            return self.visit(kind)  # type: ignore[no-any-return]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The default of a pydantic `Field`: a value, or `…` for one that is made."""
        if isinstance(node.func, ast.Name) and node.func.id == "Field":
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            return self.visit(given.get("default", ast.Constant(...)))  # type: ignore[no-any-return]
        return self.generic_visit(node)


def text_of(node: ast.expr, place: str) -> str:
    """The source of an expression of a module."""
    copy = ast.parse(ast.unparse(node), mode="eval").body
    text = ast.unparse(_Public(place).visit(copy))
    text = re.sub(r"'([^'\"]*)'", r'"\1"', text)
    return re.sub(r"\b\d{5,}\b", lambda number: f"{int(number[0]):_}", text)


def parameters(function: Function, place: str) -> list[str]:
    """The parameters of a function, without `self`."""
    given = function.args
    by_position = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(by_position) - len(given.defaults))
    with_defaults = list(zip(by_position, [*defaults, *given.defaults], strict=True))
    if with_defaults and with_defaults[0][0].arg == "self":
        del with_defaults[0]
    found = [_parameter(argument, default, place) for argument, default in with_defaults]
    if given.kwonlyargs:
        found.append("*")
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found.append(_parameter(argument, default, place))
    if given.kwarg is not None:
        found.append("**" + _parameter(given.kwarg, None, place))
    return found


def _parameter(argument: ast.arg, default: ast.expr | None, place: str) -> str:
    kind = "" if argument.annotation is None else f": {text_of(argument.annotation, place)}"
    value = "" if default is None else f" = {text_of(default, place)}"
    return argument.arg + kind + value


def called(head: str, given: list[str], result: str = "") -> str:
    """A call on one line, or with each parameter on a line of its own."""
    line = f"{head}({', '.join(given)}){result}"
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{head}(\n" + "".join(f"    {one},\n" for one in given) + f"){result}"


def assigned(name: str, value: str) -> str:
    """A constant or an alias; each choice or item of a long one is on a line of its own."""
    line = f"{name} = {value}"
    if len(line) <= _LONGEST_ASSIGNMENT:
        return line
    match ast.parse(value, mode="eval").body:
        case ast.Call(func=kind, args=[ast.Dict(keys=keys, values=values)]):
            parts = zip([key for key in keys if key is not None], values, strict=True)
            source = partial(ast.get_source_segment, value)
            items = "".join(f"        {source(key)}: {source(item)},\n" for key, item in parts)
            return f"{name} = {source(kind)}(\n    {{\n{items}    }}\n)"
    if value.endswith("]"):
        return line[:-1].replace("[", "[\n    ", 1).replace(", ", ",\n    ") + ",\n]"
    return f"{name} = (\n    " + value.replace(" | ", "\n    | ") + "\n)"


def signature(function: Function, place: str, *, head: str = "") -> str:
    """How a function is called, and what it returns."""
    result = "" if function.returns is None else f" -> {text_of(function.returns, place)}"
    way = "async def " if isinstance(function, ast.AsyncFunctionDef) else "def "
    return called(way + (head or function.name), parameters(function, place), result)


def constructor(cls: ast.ClassDef, place: str) -> str:
    """How an object of a class is made, or what a class is that only the package makes."""
    if is_error(cls) or {"Protocol", "StrEnum"} & set(_bases(cls)):
        return f"class {cls.name}({', '.join(_bases(cls))})"
    if made := initialisers(cls):
        # Without a description of its arguments, a class is made by the package only.
        is_made_by_users = "Args:" in (ast.get_docstring(cls) or "")
        return (
            called(f"class {cls.name}", parameters(made[0], place))
            if is_made_by_users
            else f"class {cls.name}"
        )
    given = [
        f"{node.target.id}: {text_of(node.annotation, place)}"
        + ("" if node.value is None else f" = {text_of(node.value, place)}")
        for node in cls.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if not node.target.id.startswith("_") and node.target.id != "model_config"
    ]
    return called(f"class {cls.name}", ["*", *given]) if given else f"class {cls.name}"


def is_error(cls: ast.ClassDef) -> bool:
    """Whether a class is an exception, which only the package makes."""
    return any(base == "Exception" or base.endswith("Error") for base in _bases(cls))


def initialisers(cls: ast.ClassDef) -> list[ast.FunctionDef]:
    """The `__init__` of a class, if the class has one."""
    return [node for node in cls.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]


def _bases(cls: ast.ClassDef) -> list[str]:
    return [ast.unparse(base) for base in cls.bases]


# The text


@dataclass(frozen=True)
class Index:
    """Where each name that has a section is described, by its name or as `Class.member`."""

    pages: dict[str, str]
    page: str
    cls: str = ""

    def link(self, name: str) -> str:
        """A name, as a link if it has a section of its own."""
        for full in (f"{self.cls}.{name}", name):
            # A word such as `connect` may mean something else than the function of this name.
            if full in self.pages and not full.islower():
                page = "" if self.pages[full] == self.page else self.pages[full]
                return f"[`{name}`]({page}#{full.replace('.', '').lower()})"
        return f"`{name}`"

    def linked(self, text: str) -> str:
        """A text in which the names of other sections are links."""
        return _CODE.sub(lambda found: self.link(found[2]), text)


def markdown(text: str, index: Index, kinds: dict[str, str] | None = None) -> str:
    """A docstring of Google's style as Markdown; `kinds` has the types of attributes."""
    introduction, *parts = re.split(r"^(Args|Attributes|Raises|Returns):\n", text + "\n", flags=re.MULTILINE)
    sections = zip(parts[::2], parts[1::2], strict=True)
    written = [_section(title, body, index, kinds or {}) for title, body in sections]
    return "\n\n".join([index.linked(introduction.strip()), *written])


def _section(title: str, body: str, index: Index, kinds: dict[str, str]) -> str:
    text = dedent(body).strip()
    if title == "Returns":
        return f"**Returns:** {index.linked(text)}"
    entries = re.split(r"\n(?=\S)", text)
    return f"**{_TITLES[title]}**\n\n" + "\n".join(_entry(entry, index, kinds) for entry in entries)


def _entry(entry: str, index: Index, kinds: dict[str, str]) -> str:
    """An entry `name: text`, or `name, name: text` with names that a line may end after."""
    names, _, text = re.sub(r",\n\s+", ", ", entry).partition(": ")
    linked = ", ".join(index.link(name) for name in names.split(", "))
    kind = f" (`{kinds[names]}`)" if names in kinds else ""
    lines = [line.strip() for line in text.strip().splitlines()]
    return f"- {linked}{kind}: " + index.linked("\n  ".join(lines))


def members(cls: ast.ClassDef, chosen: str | None) -> Iterator[Function]:
    """The methods and properties of a class that have a docstring, or those that are named."""
    for node in cls.body:
        if not isinstance(node, Function) or (node.name.startswith("_") and node.name != "__call__"):
            continue
        if node.name in chosen.split() if chosen is not None else ast.get_docstring(node):
            yield node


def is_property(function: Function) -> bool:
    """Whether a method is read as an attribute."""
    return any(isinstance(one, ast.Name) and one.id == "property" for one in function.decorator_list)


def section(package: str, name: str, chosen: str | None, index: Index) -> str:
    """The section of a name: its signature, its docstring, and its members."""
    place, node, text = find(package, name)
    if isinstance(node, Function):
        return _described(name, signature(node, place), markdown(text, index))
    if not isinstance(node, ast.ClassDef):
        value = "" if node.value is None else text_of(node.value, place)
        return _described(name, assigned(name, value), markdown(text, index))
    index = Index(index.pages, index.page, name)
    kinds = {}
    if is_error(node):
        given = chain.from_iterable(parameters(made, place) for made in initialisers(node))
        kinds = dict(one.partition(" = ")[0].split(": ", 1) for one in given if ": " in one)
    parts = [_described(name, constructor(node, place), markdown(text, index, kinds))]
    properties = [one for one in members(node, chosen) if is_property(one)]
    if values := "".join(_values(node, index)):
        parts.append(f"**Values**\n\n{values}\n")
    if properties:
        parts.append(
            "**Properties**\n\n" + "".join(_property(one, place, index) for one in properties) + "\n"
        )
    for one in members(node, chosen):
        if not is_property(one):
            head = signature(one, place)
            written = markdown(ast.get_docstring(one) or "", index)
            parts.append(_described(f"{name}.{one.name}", head, written, level="####"))
    return "".join(parts)


def _described(name: str, code: str, text: str, *, level: str = "###") -> str:
    return f"{level} `{name}`\n\n```py\n{code}\n```\n\n{text.strip()}\n\n"


def _values(cls: ast.ClassDef, index: Index) -> Iterator[str]:
    """The members of an enumeration."""
    if "StrEnum" in _bases(cls):
        for node, following in zip(cls.body, [*cls.body[1:], None], strict=True):
            if isinstance(node, ast.Assign):
                about = index.linked(_docstring(node, following))
                yield f"- `{ast.unparse(node.targets[0])}`{about and ': '}{about}\n"


def _property(function: Function, place: str, index: Index) -> str:
    kind = "" if function.returns is None else f" (`{text_of(function.returns, place)}`)"
    text = indent(markdown(ast.get_docstring(function) or "", index), "  ").strip()
    return f"- `{function.name}`{kind}: {text}\n"


# The pages


def pages() -> dict[Path, str]:
    """Each page of the reference as it should be."""
    files = {file: file.read_text(encoding="utf-8") for file in sorted(PAGES.glob("*.md"))}
    index: dict[str, str] = {}
    for file, text in files.items():
        for block in _MARKED.finditer(text):
            for found in _NAME.finditer(block["names"]):
                name = found[1]
                index[name] = file.name
                _, node, _ = find(block["package"], name)
                if isinstance(node, ast.ClassDef):
                    methods = [one.name for one in members(node, found[2]) if not is_property(one)]
                    index |= dict.fromkeys((f"{name}.{method}" for method in methods), file.name)
    return {file: _rewritten(text, Index(index, file.name)) for file, text in files.items()}


def _rewritten(page: str, index: Index) -> str:
    return _MARKED.sub(lambda block: _written(block, index), page)


def _written(block: re.Match[str], index: Index) -> str:
    names = [(name[1], name[2]) for name in _NAME.finditer(block["names"])]
    body = "".join(section(block["package"], name, chosen, index) for name, chosen in names)
    return f"{block['head']}\n\n{body}<!-- end -->"


def main() -> None:
    """Rewrites the pages that differ, and names them."""
    for file, text in pages().items():
        if text != file.read_text(encoding="utf-8"):
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {file.relative_to(CHECKOUT)}\n")


if __name__ == "__main__":
    main()
