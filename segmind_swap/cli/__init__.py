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
    # Not before the extra is known to be there.
    from ._app import app  # noqa: PLC0415
    from ._log_handler import KeptLines  # noqa: PLC0415

    # What the library warns of, the commands say themselves. Its errors are lines to keep.
    logging.getLogger("segmind_swap").addHandler(KeptLines(logging.ERROR))
    app()
