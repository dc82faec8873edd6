"""The vendor's HTTP API as values, without I/O. Nothing here waits, opens a file or touches a socket.

What a request looks like, what a response means, which status code is which error, which origin may see the
key, which text of strangers is harmless. A change of the vendor's API is a change of this folder.
"""
