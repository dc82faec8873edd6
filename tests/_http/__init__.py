"""Tests of `segmind_swap._http`.

The folder keeps the underscore: programs beside it (`python -m faults`) have `tests` on their path, and there
`http` would hide the package of the standard library.
"""
