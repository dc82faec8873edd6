"""What a batch learns of the rate limit, from run to run."""
