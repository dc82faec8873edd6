"""The characters: each stands alone, whole, with a little of its own world behind it."""

from .astronaut import astronaut
from .fox import fox
from .knight import knight
from .pirate import pirate
from .robot import robot
from .wizard import wizard

__all__ = ["astronaut", "fox", "knight", "pirate", "robot", "wizard"]
