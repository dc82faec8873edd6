"""The rows, by the names with which they are chosen."""

from collections.abc import Mapping

from .batch import batch
from .cost import connections, cpu, growth
from .crowd import crowd
from .findings import Row
from .layers import layers
from .listeners import service
from .polling import polls
from .rates.row import limits
from .start import start
from .transports import transports

ROWS: Mapping[str, Row] = {
    "cpu": cpu,
    "connections": connections,
    "crowd": crowd,
    "growth": growth,
    "layers": layers,
    "transports": transports,
    "polls": polls,
    "limits": limits,
    "start": start,
    "batch": batch,
    "service": service,
}
