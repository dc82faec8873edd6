"""The rate limit, as the commands tell it."""
