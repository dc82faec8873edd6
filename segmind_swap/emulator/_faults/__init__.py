"""What goes wrong on purpose: a fault as a value, its one-line syntax, and the rule that picks it for a call.

A fault replaces, delays or cuts the response that the API would have sent, and says whether a submit still
starts its job. A fault never changes what the account has already billed.
"""
