"""A character swap on the CPU, by cut-and-paste, labelled "local preview".

The preview finds what stands out, not persons. Light, pose and occlusion are not drawn again. The
documentation's page on the preview says how it works and where it fails. Needs the extra
``segmind-swap[preview]``.
"""

import os

# Without it, onnxruntime keeps a device id and a list of events in the user's cache folder, to send them.
# It asks for the variable when it is imported. A user who wants that sets the variable to another value.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

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
