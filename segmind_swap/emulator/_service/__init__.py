"""What of the API the emulator serves: routes, the key check, the rate limit, jobs, charges and files.

Nothing here knows faults, the page or sockets. The caller of each function passes the time. Where Segmind's
documents leave a response open, `shapes` builds it from the choices in `_contract`.
"""
