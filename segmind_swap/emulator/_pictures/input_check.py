"""Whether an uploaded picture can be the input of a job."""

from .decode import UnusablePictureError, decode


def input_problem(data: bytes) -> str:
    """Why the picture cannot be an input, as the reason of a failed job; "" if it can.

    Decodes the picture as the engines do, so that no engine stumbles over a picture that was accepted here.
    """
    try:
        # Decoding a JPEG at an eighth of its size finds a truncated file too, at a fraction of the cost.
        decode(data, least_px=1)
    except UnusablePictureError as problem:
        return str(problem)
    return ""
