"""Measures of pictures as raw numbers, and the flags that thresholds make of them: an order to look in, and
never a decision. Pillow is imported at the first measure, and not with these modules' values.
"""
