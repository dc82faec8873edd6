"""One request and its response over the network. This is the only folder that knows httpx. It holds the
connection pools, the gate that delays requests, the circuit breaker, the body of a submit, which is sent once
and can be revoked, and the removal of the key from everything a server says.
"""
