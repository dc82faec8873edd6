"""The disk: one row a swap, the budget, and the rescue file for a job that the database could not store. This
is the only folder that knows sqlite3 and the writer's thread. `SqliteLedger` implements the protocol
`Ledger`, so that no module outside this folder needs SQL.
"""
