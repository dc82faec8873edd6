"""A local server that speaks Segmind's workflow API, bills into a ledger and returns labelled pictures.

The emulator shares no code with the client, so that a mistake in either of them shows in a test of both.
Every picture is labelled as made by the emulator. Needs the extra ``segmind-swap[emulator]``.
"""

try:
    # Imported only to check that the extra is installed.
    import PIL  # noqa: F401
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as _error:
    raise ImportError(
        "the emulator needs packages which are not installed: install `segmind-swap[emulator]`"
    ) from _error

from ._contract import (
    Acceptance,
    FailureShape,
    HistoryPage,
    HistoryPages,
    HistoryRow,
    HistoryTime,
    OutputShape,
    PollPath,
    ResetFormat,
    StateWords,
    UploadField,
    UrlSpelling,
)
from ._emulator import Emulator
from ._faults.encoding import Encoding
from ._faults.fault import Cut, Fault, Malformed
from ._faults.rules import PlacedFault
from ._faults.syntax import parse_fault
from ._pictures.engine import Engine, Picture, SwapImpossible
from ._service.calls import Call, Kind
from ._service.ledger import Charge
from ._switches import describe_switches, parse_switch

__all__ = [
    "Acceptance",
    "Call",
    "Charge",
    "Cut",
    "Emulator",
    "Encoding",
    "Engine",
    "FailureShape",
    "Fault",
    "HistoryPage",
    "HistoryPages",
    "HistoryRow",
    "HistoryTime",
    "Kind",
    "Malformed",
    "OutputShape",
    "Picture",
    "PlacedFault",
    "PollPath",
    "ResetFormat",
    "StateWords",
    "SwapImpossible",
    "UploadField",
    "UrlSpelling",
    "describe_switches",
    "parse_fault",
    "parse_switch",
]
