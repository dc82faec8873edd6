"""The contract of the orders of a service, and of the ledger in the same store."""
