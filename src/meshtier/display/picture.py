"""How is a picture shown in a notebook, saved as a file, or put into a pull request?"""

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Final

from attrs import field, frozen
from typing_extensions import override

from meshtier.display.graph import Graph
from meshtier.display.graph_text import to_dot, to_mermaid
from meshtier.errors import InvalidValueError
from meshtier.simulate.timeline_page import page
from meshtier.table import one_line


@frozen(kw_only=True, eq=False, repr=False)
class Picture:
    """A picture that needs no package, no script and no network.

    Attributes:
        graph: What it shows.
        draw: Draws that, as SVG.
    """

    graph: Graph
    _draw: Callable[[Graph], str] = field(alias="draw")

    def to_svg(self) -> str:
        """The picture as a file of SVG; on a page, in the colour of the text around it."""
        return self._draw(self.graph)

    def to_html(self) -> str:
        """The picture as a whole page that loads nothing."""
        return page(self.graph.title, f"<div>{self.to_svg()}</div>")

    def to_mermaid(self) -> str:
        """The same as a flowchart of Mermaid, which GitHub and GitLab draw in a block fenced as ``mermaid``."""
        return to_mermaid(self.graph)

    def to_dot(self) -> str:
        """The same in the language of Graphviz, as ``dot -Tsvg`` reads it."""
        return to_dot(self.graph)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture to a file, in the form that its suffix names.

        Args:
            path: Ends in ``.svg``, ``.html``, ``.mmd`` for Mermaid, or ``.dot``.

        Raises:
            InvalidValueError: It has another suffix.
        """
        where = Path(path)
        form = _FORMS.get(where.suffix.lower())
        if form is None:
            raise InvalidValueError(f"expected a name that ends in {', '.join(_FORMS)}, got {str(path)!r}", "path")
        where.write_text(form(self), encoding="utf-8")

    def _repr_html_(self) -> str:
        return self.to_svg()

    @override
    def __repr__(self) -> str:
        return one_line(f"<Picture {self.graph.title}: {len(self.graph.nodes)} nodes>")


_FORMS: Final[Mapping[str, Callable[[Picture], str]]] = {
    ".svg": Picture.to_svg,
    ".html": Picture.to_html,
    ".mmd": Picture.to_mermaid,
    ".dot": Picture.to_dot,
}
