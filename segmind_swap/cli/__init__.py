"""The command line program. It imports only public names of `segmind_swap`, as any other program does.

The one exception is `segmind_swap._api.text`, because the table of hidden characters must exist only once.
The modules of this folder import its folders `_batch`, `_report` and `_terminal`. `_batch` imports the other
two folders. `_report` and `_terminal` import no other part of the command line.
"""

import logging
import sys


def main() -> None:
    """Runs `segmind-swap`; without the extra `cli`, exits with a message that names the extra."""
    try:
        import rich  # noqa: F401, PLC0415 - imported only to check that the extra is installed
        import typer  # noqa: F401, PLC0415
    except ImportError:
        from ._terminal.install_hint import install_hint  # noqa: PLC0415

        sys.exit(f"segmind-swap: {install_hint('the command line', 'cli')}")
    # These modules import rich and typer, so they are imported after the check.
    from ._app.app import app  # noqa: PLC0415
    from ._terminal.log_handler import StderrLogHandler  # noqa: PLC0415
    from ._terminal.steady_stream import steady_standard_streams  # noqa: PLC0415

    with steady_standard_streams():
        # The commands report the library's warnings themselves, so only errors are shown from the log.
        logging.getLogger("segmind_swap").addHandler(StderrLogHandler(logging.ERROR))
        # Warnings that a person must see: a key in clear text, a picture of another type than its name says.
        logging.getLogger("segmind_swap.notice").addHandler(StderrLogHandler(logging.WARNING))
        app()
