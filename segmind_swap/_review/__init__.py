"""Looking at the results of a batch before they are handed on: measures of pictures, the flags made of them,
the decisions of a person, the page to decide on, and the hand-over.
"""
