"""How the documentation is built: `sphinx-build -W -b html docs docs/_build`."""

import ast
import inspect
from importlib.metadata import version as version_of
from textwrap import dedent

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
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100


def cached_properties(cls):
    """The public cached properties of a class, as name, type and docstring; attrs hides them from autodoc."""
    (tree,) = ast.parse(dedent(inspect.getsource(cls))).body
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            if any(ast.unparse(decorator) == "cached_property" for decorator in node.decorator_list):
                yield node.name, ast.unparse(node.returns).strip("'"), " ".join(ast.get_docstring(node).split())


def add_cached_properties(app, what, name, obj, options, lines):
    if what == "class" and obj.__module__.startswith("meshtier"):
        for own, kind, text in cached_properties(obj):
            lines += ["", f":ivar {own}: {text}", f":vartype {own}: {kind}"]


def setup(app):
    app.connect("autodoc-process-docstring", add_cached_properties)
