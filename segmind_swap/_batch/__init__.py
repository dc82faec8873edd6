"""Many swaps at once: read the inputs, resume what an earlier run left, run swaps side by side, deliver one
outcome an input. This folder knows the protocol `Ledger` and nothing of SQLite or HTTP. No input is ever
dropped: the counts per state add up to the number of inputs.
"""
