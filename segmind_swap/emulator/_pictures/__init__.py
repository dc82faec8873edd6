"""The pictures that the emulator draws without the preview, and the check of the pictures that it receives.

`engine` says what an engine is. The sheet, the dot and the samples are drawn here. None of them is a swap,
and each one says so in its PNG metadata.
"""
