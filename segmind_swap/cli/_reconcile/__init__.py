"""`reconcile`: the unknown swaps of a batch, compared with the history of the account."""
