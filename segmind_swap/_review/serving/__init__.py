"""The page served on this machine alone: a small HTTP server, which saves each decision at once."""
