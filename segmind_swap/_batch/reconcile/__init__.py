"""Unknown swaps and the account's history: which request is which swap's, and what may be done about it."""
