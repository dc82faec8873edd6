"""The page to decide on: one HTML file, whose policy allows only its own script and style."""
