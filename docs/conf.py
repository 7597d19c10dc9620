"""How the documentation is built: `sphinx-build -W -b html docs docs/_build`."""

from importlib.metadata import version as version_of

project = "meshtier"
author = "The meshtier authors"
copyright = author
release = version = version_of("meshtier")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"meshtier {release}"

# Pages are Markdown. Headings can be linked to, and rules have targets of their own.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Docstrings name things in single backticks, and give attributes and arguments in Google's manner.
default_role = "py:obj"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
