"""The money of a batch: what is committed, what is settled, and the ledger that keeps nothing else."""
