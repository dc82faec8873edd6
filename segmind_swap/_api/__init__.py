"""The vendor's HTTP API as values, without I/O: what a request looks like, what a response means, which
status code is which error, which origin may see the key, and which ids and texts are harmless. Nothing here
waits, opens a file or touches a socket. A change of the vendor's API is a change of this folder.
"""
