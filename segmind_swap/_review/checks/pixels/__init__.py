"""Pixels to numbers. Each module here needs Pillow, and is imported at the first measure."""
