"""The files of the application that the FastAPI guide shows."""

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "fastapi.md"

_FILE = re.compile(r"^<!-- file: (?P<name>\S+) -->\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def write_application(folder: Path) -> None:
    """Writes each file that the guide names into `folder`."""
    for found in _FILE.finditer(GUIDE.read_text(encoding="utf-8")):
        (folder / found["name"]).write_text(found["text"], encoding="utf-8")
