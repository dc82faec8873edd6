"""The hand-over: the chosen pictures, a page, a manifest and checksums, complete or not at all."""
