"""The command `cost`: the versions of batches with their money, as a table of kinds and as CSV."""
