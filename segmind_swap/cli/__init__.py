"""The command line. It uses only what `segmind_swap` exports, like any other program."""

import logging
import sys


def main() -> None:
    """Runs `segmind-swap`; says what to install where its extra is missing."""
    try:
        import rich  # noqa: F401, PLC0415 - only to see that the extra is there
        import typer  # noqa: F401, PLC0415
    except ImportError:
        sys.exit("segmind-swap: the command line needs: pip install 'segmind-swap[cli]'")
    from ._app import app  # noqa: PLC0415 - not before the extra is known to be there

    # What the library warns of, the commands say themselves.
    logging.getLogger("segmind_swap").addHandler(logging.NullHandler())
    app()
