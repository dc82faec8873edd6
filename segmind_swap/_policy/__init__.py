"""The decisions: whether to POST again, when to poll next, which state may follow which, how long a 429 may
last. They are pure functions, and two estimates (`durations`, `rate`) that learn from what they
observe, so that a test can try every case. Only `retry` sleeps. Only `durations` and `budget` wake tasks that
wait.
"""
