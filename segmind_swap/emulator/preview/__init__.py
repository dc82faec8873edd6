"""A character swap on the CPU, by cut-and-paste, labelled "local preview".

The preview finds what stands out, not persons. Light, pose and occlusion are not drawn again. The
documentation's page on the preview says how it works and where it fails. Needs the extra
``segmind-swap[preview]``.
"""

try:
    # Imported only to check that the extra is installed.
    import numpy  # noqa: F401
    import onnxruntime  # noqa: F401
    import patchmatch
except ImportError as _error:
    raise ImportError(
        "the preview needs packages which are not installed: install `segmind-swap[preview]`"
    ) from _error
if not patchmatch.patchmatch_available:
    raise ImportError("the preview cannot load PatchMatch: pypatchmatch has no wheel for this platform")

from ._engine import Preview

__all__ = ["Preview"]
