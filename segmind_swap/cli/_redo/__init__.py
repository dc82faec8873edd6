"""The command `redo`: which swaps are made again, what that costs, the consent to pay, and the run."""
