"""Rate limits of every kind, in virtual time: the client against services that move, lie and are shared."""
