"""One request and its response over the network. This is the only folder that knows httpx.

It holds the connection pools, the gate that delays requests, the circuit breaker, the body whose last byte
can be withheld, and the removal of the key from everything a server says.
"""
