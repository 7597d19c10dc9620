"""How does a chart show itself and save itself without a network? Charts of altair, drawn by vl-convert.

Needs the extra ``plot``. As altair comes, a notebook and a saved page load the
library that draws from a server. A setting of altair could change that, for all
charts of the process; importing meshtier changes no setting. So the charts of
meshtier are charts of altair that know another way to show themselves.
"""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, Final

from typing_extensions import override

from meshtier.errors import MissingExtraError
from meshtier.table import one_line

try:
    import altair as alt
    import vl_convert as _vl_convert  # altair looks for it only when it saves
except ImportError as _error:
    raise MissingExtraError("plot", "a chart") from _error

_ENGINE: Final = _vl_convert.__name__

__all__ = ["Chart", "LayerChart", "VConcatChart", "alt", "chart_of", "data_of"]


class _Offline(alt.TopLevelMixin):
    """What each chart of meshtier does without a network.

    In a notebook it is a picture (SVG), unless somebody enabled a renderer of
    altair: then that one holds, as for every chart. `save` writes pages that hold
    the library that draws, so that they stay interactive and load nothing.
    """

    def to_svg(self) -> str:
        """The chart as SVG."""
        buffer = StringIO()
        self.save(buffer, format="svg")
        return buffer.getvalue()

    @override
    def save(self, fp: Any, format: Any = None, *args: Any, **how: Any) -> None:  # altair's signature
        """Write the chart, as altair does: ``.svg``, ``.png``, ``.html``, ``.json`` …

        A page holds all that it needs, unless *inline* says otherwise.
        """
        form = format or str(getattr(fp, "name", fp)).rpartition(".")[2].lower()
        if form == "html":
            how = {"inline": True, **how}
        super().save(fp, format, *args, **how)

    @override
    def _repr_mimebundle_(self, *args: Any, **how: Any) -> Any:  # altair's signature
        if alt.renderers.active != "default":
            return super()._repr_mimebundle_(*args, **how)
        return {"image/svg+xml": self.to_svg(), "text/plain": repr(self)}

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__} of altair: .save(NAME.svg), .to_svg(), .to_dict()>"


class Chart(_Offline, alt.Chart):
    """A chart of altair that needs no network."""


class LayerChart(_Offline, alt.LayerChart):
    """Layers of altair that need no network."""


class VConcatChart(_Offline, alt.VConcatChart):
    """Charts of altair below each other that need no network."""


def data_of(rows: Sequence[Mapping[str, object]]) -> alt.Data:
    """Rows as altair takes them, each text on one line: a picture can hold no control characters."""
    clean = [
        {name: one_line(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows
    ]
    data: alt.Data = alt.Data(values=clean)  # type: ignore[no-untyped-call]  # altair leaves it without types
    return data


def chart_of(rows: Sequence[Mapping[str, object]], title: str) -> Chart:
    """A chart of rows."""
    return Chart(data_of(rows), title=one_line(title))
