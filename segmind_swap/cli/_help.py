"""How `--help` looks: Click's columns, in a little colour."""

from __future__ import annotations

import os
import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

# A heading at the margin; a name in the first column, with its text beside it or below; what brackets add.
_MARKS = re.compile(
    r"^(?P<heading>[A-Z]\w+:)"
    r"|^  (?P<name>\S.*?(?=  )|-\S.*$)"
    r"|(?P<aside>\[(?:required|default:)[^\]]*\])",
    re.MULTILINE,
)


def _coloured(text: str) -> str:
    """The help with its headings, names and defaults marked; what is no terminal is spared by Click."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return _MARKS.sub(_mark, text)


def _mark(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "heading":
            return typer.style(match[0], bold=True)
        case "aside":
            return typer.style(match[0], dim=True)
        case _:
            return "  " + typer.style(match[0][2:], fg="cyan")


class Command(TyperCommand):
    """One command."""

    def get_help(self, ctx: Any) -> str:
        """The whole help."""
        return _coloured(super().get_help(ctx))

    def get_short_help_str(self, limit: int = 45) -> str:
        """Its line in the overview: the first paragraph in full, as it says what is paid."""
        return " ".join((self.help or "").partition("\n\n")[0].split())


class Group(TyperGroup):
    """The overview."""

    def get_help(self, ctx: Any) -> str:
        """The whole help."""
        return _coloured(super().get_help(ctx))
