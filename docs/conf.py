from importlib import metadata

project = "segmind-swap"
author = "The segmind-swap authors"
copyright = "2026, the segmind-swap authors"
release = metadata.version("segmind-swap")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 2
# What the benchmarks write is included in a page, and is none itself.
exclude_patterns = ["_build", "explanation/figures"]

html_theme = "furo"
html_title = "segmind-swap"
html_static_path = ["_static"]
html_css_files = ["site.css"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_typehints_description_target = "documented_params"
napoleon_use_ivar = True
default_role = "code"  # docstrings write `name`
python_use_unqualified_type_names = True
# Other projects' names: nothing is fetched while the documentation is built.
nitpick_ignore_regex = [("py:.*", r"(?!segmind_swap\b).*")]
