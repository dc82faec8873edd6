"""The program with all its commands, in the order of the help."""

from __future__ import annotations

# Each module adds its commands to the program when it is imported.
# isort: off
from . import swap as _swap  # noqa: F401
from . import batch as _batch  # noqa: F401
from . import reconcile as _reconcile  # noqa: F401
from . import review as _review  # noqa: F401
from . import redo as _redo  # noqa: F401
from . import account as _account  # noqa: F401
from . import emulator as _emulator  # noqa: F401
from .root import app

# isort: on
__all__ = ["app"]
