"""Other answers to 429s than this package's, as gates for the same client."""

from collections.abc import Mapping
from typing import Protocol

from segmind_swap import RateLimit
from segmind_swap._protocols.gate import Gate

from .aws_adaptive import AwsAdaptiveGate
from .first_wave import FirstWaveGate
from .hint_only import HintOnlyGate

OURS = "segmind-swap"


class Maker(Protocol):
    """Makes the rate limit, or the gate, of a new client."""

    def __call__(self, seed: int) -> RateLimit | Gate: ...


def _ours(seed: int) -> RateLimit:
    return RateLimit()


WHO: Mapping[str, Maker] = {
    OURS: _ours,
    "first wave": FirstWaveGate,
    "hint only": HintOnlyGate,
    "AWS adaptive": AwsAdaptiveGate,
}
"""Who is compared, by the names in the table."""
