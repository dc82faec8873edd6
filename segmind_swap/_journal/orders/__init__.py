"""The orders of a service, in the same file as the rows of its swaps. Any process adds and reads orders, also
while another process holds the lock of the journal and submits.
"""
