"""`credits` and `upload`: free calls of the account. Their work is imported when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from .._help import Command
from .._options import (
    AllowHttp,
    Json,
)
from .root import app


@app.command(cls=Command, epilog="Example: segmind-swap credits --json")
def credits(allow_http: AllowHttp = False, as_json: Json = False) -> None:
    """Show the credits of the account, in dollars. Free; also a check that the key works."""
    from .. import _commands

    _commands.credits(allow_http=allow_http, as_json=as_json)


@app.command(cls=Command, epilog="Example: segmind-swap upload hero.png street.jpg")
def upload(
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE", help="JPEG, PNG or WebP files.")],
    allow_http: AllowHttp = False,
    as_json: Json = False,
) -> None:
    """Upload pictures, and print their URLs, one a line. Free."""
    from .. import _commands

    _commands.upload(pictures, allow_http=allow_http, as_json=as_json)
