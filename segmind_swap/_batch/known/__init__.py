"""Swaps for which nothing is submitted, because their result is known: an earlier run has the result, or
another input of the batch has the same pictures.
"""
