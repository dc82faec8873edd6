"""Edits the scene: removes the old character, and places, lights and pastes the new one.

Each step is a function of arrays or pictures. `compose` runs the last steps on the scene in its full size.
"""
