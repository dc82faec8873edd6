"""The account behind a key: the tag that stands for the key, and the history of the account's requests."""
