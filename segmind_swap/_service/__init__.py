"""A service: swaps that an application asks for, one at a time, and that outlive the application's process.
Any process adds orders and follows their changes. The process that holds the lock of the ledger submits and
waits, in one batch that does not end. This folder knows `Orders` and `Ledger`, and not SQLite or HTTP.
"""
