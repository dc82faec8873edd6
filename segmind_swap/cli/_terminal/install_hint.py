"""The command that installs an extra of this package, from where the package itself was installed."""

from __future__ import annotations

import json
import shlex
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_NAME = "segmind-swap"


def install_hint(what: str, extra: str) -> str:
    """A sentence: `what` needs the extra, and the command that installs the extra."""
    return f"{what} needs the extra {extra} of {_NAME}, which is not installed:\n  {install_command(extra)}"


def install_command(extra: str) -> str:
    """The shell command that installs an extra.

    The files of an installed package name the folder, file or URL that the package was installed from, unless
    it came from a package index. Without this name, only a checkout is sure to have the extra.
    """
    try:
        origin: Any = json.loads(distribution(_NAME).read_text("direct_url.json") or "null")
    except (PackageNotFoundError, ValueError):
        return f"pip install '.[{extra}]'  (in a checkout of {_NAME})"
    if origin is None:
        return f"pip install '{_NAME}[{extra}]'"
    url = str(origin["url"])
    if not url.startswith("file:"):
        vcs = f"{origin['vcs_info']['vcs']}+" if "vcs_info" in origin else ""
        return f"pip install '{_NAME}[{extra}] @ {vcs}{url}'"
    path = Path(unquote(urlsplit(url).path))
    if not path.exists():
        return f"pip install '.[{extra}]'  (in a checkout of {_NAME})"
    editable = "-e " if origin.get("dir_info", {}).get("editable") else ""
    return f"pip install {editable}{shlex.quote(f'{path}[{extra}]')}"
