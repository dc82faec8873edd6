"""Finds the one character of a picture: salience, its connected components, and the likeliest component.

The network knows salience, not persons. Where a picture may show nothing but the character, a plain backdrop
corrects the mask.
"""
