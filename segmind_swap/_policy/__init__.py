"""The decisions, as pure functions and small values, so that a test can try every case.

Whether to POST again, when to poll next, which state may follow which, how long a 429 may last. Only `retry`
sleeps, and only `durations` wakes a task that waits.
"""
