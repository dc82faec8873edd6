"""The steps of one input of a batch: its outcome while the swap is made, and what follows the acceptance."""
