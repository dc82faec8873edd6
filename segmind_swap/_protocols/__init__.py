"""The seams of the client, which a fleet of machines replaces: the gate, the ledger with its entries, and the
record of a submit.
"""
