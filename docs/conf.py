"""How the documentation is built: `sphinx-build -W -b html docs docs/_build`."""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version as version_of
from typing import Any

from meshtier import SOLO
from meshtier.component import COMPONENTS

project = "meshtier"
author = "The meshtier authors"
copyright = author
release = version = version_of("meshtier")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "jupyter_execute"]  # myst-nb writes the notebooks that it has run beside _build
html_theme = "furo"
html_title = f"meshtier {release}"
html_static_path = ["_static"]
html_css_files = ["answers.css"]

# Pages are Markdown. Headings can be linked to, and rules have targets of their own.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# The guides are notebooks: they are run anew for every build, and a cell that fails fails it.
nb_execution_mode = "force"
nb_execution_timeout = 60  # seconds for each cell
nb_execution_raise_on_error = True

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


def definition(cls: type) -> ast.ClassDef:
    """The statement that defines a class: what is public is not written in the module that it reports."""
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] == "meshtier" and vars(module).get(cls.__name__) is cls:
            for node in ast.parse(inspect.getsource(module)).body:
                if isinstance(node, ast.ClassDef) and node.name == cls.__name__:
                    return node
    raise LookupError(cls)


def cached_properties(cls: type) -> Iterator[tuple[str, str, str]]:
    """The public cached properties of a class, as name, type and docstring; attrs hides them from autodoc."""
    for node in definition(cls).body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_") or node.returns is None:
            continue
        if any(ast.unparse(decorator) == "cached_property" for decorator in node.decorator_list):
            yield node.name, ast.unparse(node.returns).strip("'"), " ".join((ast.get_docstring(node) or "").split())


properties: dict[str, list[str]] = {}


def before_napoleon(_app: object, what: str, name: str, obj: Any, _options: object, lines: list[str]) -> None:  # noqa: ANN401
    if what == "class" and obj.__module__.startswith("meshtier"):
        for own, kind, text in cached_properties(obj):
            lines += ["", f":ivar {own}: {text}", f":vartype {own}: {kind}"]
    if what == "property" and "Raises:" not in lines:
        properties[name] = list(lines)


def after_napoleon(_app: object, _what: str, name: str, _obj: object, _options: object, lines: list[str]) -> None:
    # It takes what stands before a colon in the docstring of a property for a type.
    lines[:] = properties.pop(name, lines)


def short_defaults(
    _app: object, what: str, name: str, _obj: object, _options: object, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    # A value whose repr is no Python keeps Sphinx from reading the signature.
    if signature is None:
        return None
    if what == "class":  # a class that names itself does so in quotes, without its package, and two may have one name
        signature = re.sub(rf"(?<![\w.]){name.rpartition('.')[2]}\b", f"~{name}", signature)
    short = signature.replace(repr(COMPONENTS), "COMPONENTS").replace(repr(SOLO), "SOLO")
    return re.sub(r"<(\w+\.\w+)(?:: [^>]+)?>", r"\1", short), returns


def setup(app: Any) -> None:  # noqa: ANN401  # the tests read this file without Sphinx
    app.connect("autodoc-process-docstring", before_napoleon, priority=400)
    app.connect("autodoc-process-docstring", after_napoleon, priority=600)
    app.connect("autodoc-process-signature", short_defaults)
