"""The controls over HTTP and the page: routes under ``/_emulator/``, their JSON, and the recorded traffic.

The page asks these routes for everything that it shows. A request to them is not a call of the API: no key is
needed, no fault hits the request, and the request is not counted.
"""
