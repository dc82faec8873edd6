"""The decisions of people: files of decisions, and what becomes of the files of discarded pictures."""
