from importlib import metadata

project = "segmind-swap"
author = "The segmind-swap authors"
copyright = "2026, the segmind-swap authors"
release = metadata.version("segmind-swap")

extensions = ["myst_parser"]
# `<img>` is Markdown that a Git host shows too, with its width.
myst_enable_extensions = ["html_image"]
# Sections of the reference, down to the methods of a class, are linked to.
myst_heading_anchors = 4
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "segmind-swap"
html_static_path = ["_static"]
html_css_files = ["site.css"]
