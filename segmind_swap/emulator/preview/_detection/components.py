"""Connected components of a mask, by runs: each run of a row is joined to those of the row above."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .._arrays import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One connected component: its number among the labels, its area and its box."""

    label: int
    area_px: int
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


def connected_components(mask: Mask) -> tuple[npt.NDArray[np.int32], list[Component]]:
    """The labels of the pixels (0 is outside), and the components, the largest first."""
    parent = [0]

    def root(label: int) -> int:
        while parent[label] != label:
            parent[label] = parent[parent[label]]
            label = parent[label]
        return label

    runs: list[tuple[int, int, int, int]] = []
    above: list[tuple[int, int, int]] = []
    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    for row, steps in enumerate(edges):
        row_runs: list[tuple[int, int, int]] = []
        for start, end in zip(
            np.flatnonzero(steps > 0).tolist(), np.flatnonzero(steps < 0).tolist(), strict=True
        ):
            touched = [root(label) for left, right, label in above if left < end and start < right]
            label = min(touched, default=len(parent))
            if not touched:
                parent.append(label)
            for other in touched:
                parent[other] = label
            row_runs.append((start, end, label))
            runs.append((row, start, end, label))
        above = row_runs

    labels = np.zeros(mask.shape, np.int32)
    found: dict[int, Component] = {}
    for row, start, end, label in runs:
        name = root(label)
        labels[row, start:end] = name
        old = found.get(name)
        found[name] = Component(
            label=name,
            area_px=end - start + (old.area_px if old else 0),
            left=min(start, old.left) if old else start,
            top=old.top if old else row,
            right=max(end, old.right) if old else end,
            bottom=row + 1,
        )
    return labels, sorted(found.values(), key=lambda component: -component.area_px)
