"""What is believed of the account's rate limit, learned from 429s. `rules` is the place to begin."""
