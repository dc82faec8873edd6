"""Many swaps at once: read the inputs, resume the jobs of earlier runs, run swaps side by side, deliver their
outcomes. This folder knows the protocol `Ledger` and nothing of SQLite or HTTP. Each input that was taken has
one outcome, and so has each job of an earlier run whose input does not come again.
"""
