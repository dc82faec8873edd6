"""Why the bytes of a file cannot be used as an image."""

from __future__ import annotations


class UnusableImageError(ValueError):
    """The bytes are not a whole JPEG, PNG or WebP image that ordinary programs can read.

    Attributes:
        problem: What the bytes are, as a clause: "it is a JPEG that is cut short".
        advice: What a user can do about an input; may be empty.
        is_cut_short: The bytes are the beginning of an image.
    """

    def __init__(self, problem: str, advice: str = "", *, is_cut_short: bool = False) -> None:
        super().__init__(f"{problem}: {advice}" if advice else problem)
        self.problem = problem
        self.advice = advice
        self.is_cut_short = is_cut_short


def cut_short(kind: str) -> UnusableImageError:
    """The error of an image that has no end. `kind` is the format, such as `JPEG`."""
    return UnusableImageError(
        f"it is a {kind} that is cut short", "copy or download the picture again", is_cut_short=True
    )


def damaged(kind: str, detail: str) -> UnusableImageError:
    """The error of an image that decoders refuse. `detail` is a clause about the place of the damage."""
    return UnusableImageError(
        f"it is a damaged {kind}: {detail}", "open the picture in a program for pictures, and save it again"
    )
