"""Makes the preview's weights from the published ones: half the size, and a graph that any runtime reads.

    python tests/weights/convert.py u2netp.onnx segmind_swap/emulator/preview/weights/u2netp-float16.onnx

Where ``u2netp.onnx`` comes from is told beside the result. Needs the package ``onnx``, and nothing else does.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ORIGINAL_SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"


def convert(data: bytes) -> bytes:
    """Stores each weight in 16 bits and lets the graph make 32 of them again, which happens once, at load.

    The sums are done in 32 bits as before. Of the seven outputs only the first, the fused map, stays.
    """
    if hashlib.sha256(data).hexdigest() != ORIGINAL_SHA256:
        raise SystemExit("these are not the weights that were tried: their sha256 is another one")
    model = onnx.load_from_string(data)
    graph = model.graph
    del graph.output[1:]
    kept, casts = [], []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            kept.append(tensor)
            continue
        half = numpy_helper.to_array(tensor).astype(np.float16)
        kept.append(numpy_helper.from_array(half, f"{tensor.name}.half"))
        casts.append(helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    source, target = (Path(name) for name in sys.argv[1:])
    target.write_bytes(convert(source.read_bytes()))
    print(target.stat().st_size, hashlib.sha256(target.read_bytes()).hexdigest())
