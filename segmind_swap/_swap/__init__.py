"""One swap, from two images to a file: load, upload, submit, poll, download, save; and the session, which all
swaps of a client share. `submit` and `wait` are separate functions, and only a `SwapJob` passes between them,
so that another process can wait for the job. A swap's record goes to a `Ledger`; this folder knows no
journal.
"""
