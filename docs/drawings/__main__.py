"""The command line: `python -m drawings [NAME ...] [--to FOLDER]`."""

import argparse
import sys
from pathlib import Path

from . import PICTURES, write

GALLERY = Path(__file__).parents[2] / "segmind_swap" / "gallery"


def main() -> None:
    """Draws the named pictures, or all, and prints the path and the size of each file."""
    parser = argparse.ArgumentParser(prog="python -m drawings", description="Draw the bundled pictures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a picture; without names, all are drawn")
    parser.add_argument("--to", type=Path, default=GALLERY, metavar="FOLDER", help="default: %(default)s")
    wanted = parser.parse_args()
    if unknown := set(wanted.names) - set(PICTURES):
        parser.error(f"no picture is called {', '.join(sorted(unknown))}; known: {', '.join(PICTURES)}")
    wanted.to.mkdir(parents=True, exist_ok=True)
    for name in wanted.names or PICTURES:
        path = write(name, wanted.to)
        sys.stdout.write(f"{path}  {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
