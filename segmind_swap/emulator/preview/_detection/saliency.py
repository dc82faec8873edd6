"""Salience: how much each pixel stands out, by the network U²-Net-P. The network does not know persons."""

import functools
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from .._arrays import Plane

THREADS = 2
"""CPU cores that a run of the network may use."""

_WEIGHTS = Path(__file__).parents[1] / "weights" / "u2netp-float16.onnx"
_SIDE_PX = 320

# Mean and deviation of the training pictures (the values of ImageNet).
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


@functools.cache
def _network() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    # Threads that spin while they wait would take CPU time from the event loop.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A memory arena would be a tenth faster, but would keep a quarter of a gigabyte for ever.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # Errors only: onnxruntime warns of each node that it has simplified.
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(_WEIGHTS.read_bytes(), options, providers=["CPUExecutionProvider"])


def saliency_map(picture: Image.Image) -> Plane:
    """The salience of each pixel of an RGB picture, from 0 to 1, in the picture's size."""
    squeezed = picture.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS, reducing_gap=3.0)
    pixels = np.asarray(squeezed, np.float32)
    pixels = (pixels / max(float(pixels.max()), 1.0) - _MEAN) / _DEVIATION
    network = _network()
    (seen,) = network.run(None, {network.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None]})
    plane = Image.fromarray(np.asarray(seen, np.float32)[0, 0])
    resized = plane.resize(picture.size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(resized, np.float32), 0.0, 1.0)
