"""The commands as Typer runs them: the colours of `--help`, and the options that messages may name."""

from __future__ import annotations

import os
import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ._terminal.option_names import options_of_command

# A heading at the left margin; a name in the first column, with text beside or below; a remark in brackets.
_COLOURED_PARTS = re.compile(
    r"^(?P<heading>[A-Z]\w+:)"
    r"|^  (?P<name>\S.*?(?=  )|-\S.*$)"
    r"|(?P<remark>\[(?:required|default:)[^\]]*\])",
    re.MULTILINE,
)


def _coloured(text: str) -> str:
    """Adds colours. Where standard output is no terminal, Click removes them again."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return _COLOURED_PARTS.sub(_coloured_part, text)


def _coloured_part(match: re.Match[str]) -> str:
    match match.lastgroup:
        case "heading":
            return typer.style(match[0], bold=True)
        case "remark":
            return typer.style(match[0], dim=True)
        case _:
            return "  " + typer.style(match[0][2:], fg="cyan")


class Command(TyperCommand):
    """A command whose help is coloured, and whose messages name its options."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        options = {parameter.name: parameter.opts[0] for parameter in self.params if parameter.name}
        with options_of_command(options):
            return super().invoke(ctx)

    def get_help(self, ctx: Any) -> str:
        """The full help of the command."""
        return _coloured(super().get_help(ctx))

    def get_short_help_str(self, limit: int = 45) -> str:
        """The command's line in the overview: the whole first paragraph, because it says what is paid."""
        return " ".join((self.help or "").partition("\n\n")[0].split())


class Group(TyperGroup):
    """The overview of all commands, coloured."""

    def get_help(self, ctx: Any) -> str:
        """The full overview."""
        return _coloured(super().get_help(ctx))
