"""The scenes: each a place with one person in it, whose part a character could take."""

from ._beach import beach
from ._cafe import cafe
from ._library import library
from ._market import market
from ._mountain import mountain
from ._train import train

__all__ = ["beach", "cafe", "library", "market", "mountain", "train"]
