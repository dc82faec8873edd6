"""A character swap on the processor, by cut-and-paste: shows who goes where, and is labelled "local preview".

It finds what stands out, not persons; light, pose and what is in front of whom are not drawn anew. How it
works and where it fails: the documentation's page on the preview. Needs the extra ``segmind-swap[preview]``.
"""

try:
    # Only to see that the extra is there.
    import numpy  # noqa: F401
    import onnxruntime  # noqa: F401
    import patchmatch
except ImportError as _error:
    raise ImportError(
        "the preview needs packages which are not installed: install `segmind-swap[preview]`"
    ) from _error
if not patchmatch.patchmatch_available:
    raise ImportError(
        "the preview cannot load PatchMatch: there is no wheel of pypatchmatch for this platform"
    )

from ._engine import Preview

__all__ = ["Preview"]
