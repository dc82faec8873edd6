"""What bounds a client as a whole: the money of its POSTs, and the number of its open jobs."""
