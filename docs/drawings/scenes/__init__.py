"""The scenes: each a place with one person in it, whose part a character could take."""

from .beach import beach
from .cafe import cafe
from .library import library
from .market import market
from .mountain import mountain
from .train import train

__all__ = ["beach", "cafe", "library", "market", "mountain", "train"]
