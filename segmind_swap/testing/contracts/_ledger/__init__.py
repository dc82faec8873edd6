"""The contracts of a ledger: its money, its days, its entries, and what is learned of them later."""
