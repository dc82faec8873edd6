"""The characters: each stands alone, whole, with a little of its own world behind it."""

from ._astronaut import astronaut
from ._fox import fox
from ._knight import knight
from ._pirate import pirate
from ._robot import robot
from ._wizard import wizard

__all__ = ["astronaut", "fox", "knight", "pirate", "robot", "wizard"]
