"""The versions of a swap in a batch: which is current, how a redo begins the next, where files are kept."""
