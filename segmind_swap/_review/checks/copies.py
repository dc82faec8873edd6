"""Finds pictures that are the same as others, without comparing each with each."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from .measures import PictureMeasures, ResultMeasures
from .signatures import HASH_BITS, Signature
from .thresholds import Thresholds

COPY_BITS, COPY_COLOURS = 6, 6.0
"""A picture that was saved again, or in another size: at most so many bits differ, and the colours less than
so many levels. Tried on 300 made pictures, of which 2 were saved again: no false pair among 297."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureCopy:
    """A picture that is a copy of an earlier one.

    Attributes:
        original: The key of the first picture that it is a copy of.
        is_identical: Whether the files have the same content. Otherwise, one was probably saved again.
    """

    original: str
    is_identical: bool


def find_copies(
    pictures: Mapping[str, PictureMeasures], *, bits: int = COPY_BITS, colours: float = COPY_COLOURS
) -> dict[str, PictureCopy]:
    """The pictures that are copies of earlier ones, by their keys.

    A picture that cannot be decoded can only be identical to another. Of pictures of one colour, only
    identical ones are copies.

    Args:
        pictures: The measures of the pictures, by a key of the caller's, such as the path.
        bits: How many of the 64 bits of two signatures may differ: 6 by default.
        colours: By less than how many levels their colours may differ: 6 by default.
    """
    first: dict[str, str] = {}
    found: dict[str, PictureCopy] = {}
    index = SignatureIndex(bits=bits, colours=colours)
    flat = Thresholds().blank or 0.0
    for key, picture in pictures.items():
        if picture.sha256 in first:
            found[key] = PictureCopy(original=first[picture.sha256], is_identical=True)
            continue
        first[picture.sha256] = key
        if picture.signature is None or (picture.spread or 0.0) < flat:
            continue
        original = index.find(picture.signature)
        if original is None:
            index.add(key, picture.signature)
        else:
            found[key] = PictureCopy(original=original, is_identical=False)
    return found


def other_result_of(results: Mapping[str, ResultMeasures], thresholds: Thresholds) -> dict[str, str]:
    """For each result that is the same as the result of another scene: the key of such a result.

    Results of scenes that are alike may be alike, and so may be results of one colour, which have their flag.
    """
    if thresholds.same is None:
        return {}
    groups: dict[str, _Group] = {}
    index = SignatureIndex(bits=thresholds.same_bits, colours=thresholds.same)
    for key, result in results.items():
        if result.signature is None or result.scene_signature is None:
            continue
        if thresholds.blank is not None and (result.spread or 0.0) < thresholds.blank:
            continue
        leader = index.find(result.signature)
        if leader is None:
            leader = key
            index.add(key, result.signature)
            groups[key] = _Group(result.scene_signature)
        group = groups[leader]
        is_other = group.scene.colour_distance(result.scene_signature) > thresholds.same_scene
        (group.of_others if is_other else group.of_scene).append(key)
    return {key: other for group in groups.values() for key, other in group.pairs()}


@dataclass(slots=True)
class _Group:
    """Results that are alike.

    Attributes:
        scene: The scene of the first of them.
        of_scene: The results of this scene, or of one that is alike.
        of_others: The results of other scenes.
    """

    scene: Signature
    of_scene: list[str] = field(default_factory=list)
    of_others: list[str] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Each result with the first result of another scene, if there are several scenes."""
        if self.of_others:
            yield from ((key, self.of_others[0]) for key in self.of_scene)
            yield from ((key, self.of_scene[0]) for key in self.of_others)


class SignatureIndex:
    """Signatures with their keys. Finds the first that is near to another without comparing all of them.

    If at most `bits` bits of two signatures differ, one of `bits` + 1 parts of their bits is equal in both.
    And the means of their colours differ by less than `colours`. So only signatures are compared that share
    a part and whose means are near.
    """

    def __init__(self, *, bits: int, colours: float) -> None:
        self._bits = bits
        self._colours = colours
        parts = bits + 1
        edges = [HASH_BITS * part // parts for part in range(parts + 1)]
        self._parts = [(low, (1 << high - low) - 1) for low, high in pairwise(edges)]
        self._buckets: dict[tuple[int, int], list[tuple[float, int]]] = {}
        self._signatures: list[tuple[str, Signature]] = []

    def add(self, key: str, signature: Signature) -> None:
        """Adds a signature."""
        number = len(self._signatures)
        self._signatures.append((key, signature))
        for bucket in self._buckets_of(signature):
            insort(self._buckets.setdefault(bucket, []), (signature.mean, number))

    def find(self, signature: Signature) -> str | None:
        """The key of the first added signature that is near to this one; None if there is none."""
        found = None
        for bucket in self._buckets_of(signature):
            entries = self._buckets.get(bucket, [])
            start = bisect_left(entries, (signature.mean - self._colours, -1))
            for place in range(start, len(entries)):
                mean, number = entries[place]
                if mean > signature.mean + self._colours:
                    break
                if (found is None or number < found) and self._signatures[number][1].is_near(
                    signature, bits=self._bits, colours=self._colours
                ):
                    found = number
        return None if found is None else self._signatures[found][0]

    def _buckets_of(self, signature: Signature) -> list[tuple[int, int]]:
        return [(part, signature.bits >> low & mask) for part, (low, mask) in enumerate(self._parts)]
