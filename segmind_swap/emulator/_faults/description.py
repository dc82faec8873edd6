"""Which calls a fault hits, in words for people."""

import sys

from .fault import Fault


def describe_calls(fault: Fault) -> str:
    """Which calls a fault hits, in words."""
    words = []
    if isinstance(fault.calls, range) and fault.calls.step == 1 and fault.calls:
        last = "on" if fault.calls.stop == sys.maxsize else f"to {fault.calls[-1]}"
        words.append(f"calls {fault.calls[0]} {last}")
    elif isinstance(fault.calls, tuple | list):
        numbers = ", ".join(str(number) for number in fault.calls)
        words.append(f"call{'s' if len(fault.calls) != 1 else ''} {numbers}")
    elif fault.calls is not None:
        words.append("some calls")
    if fault.probability is not None:
        words.append(f"{fault.probability * 100:g}% of {'them' if words else 'calls'}")
    if fault.window is not None:
        start, end = fault.window
        words.append(f"from {start:g} s on" if end == float("inf") else f"{start:g} to {end:g} s")
    if fault.times is not None:
        words.append("once" if fault.times == 1 else f"{fault.times} times")
    return ", ".join(words) or "every call"
