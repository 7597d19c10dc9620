"""How does traffic look as a page by itself?"""

from collections.abc import Iterable
from html import escape
from typing import Final

from meshtier.mesh.report import Report
from meshtier.table import Table

_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font-family:system-ui,sans-serif;font-size:14px;max-width:80em;margin:1.5em auto;padding:0 1em}"
    "td,th{padding:0 1em 0 0;white-space:pre-wrap}"
    "div{overflow-x:auto}"
)


def page_of(title: str, picture: str, parts: Iterable[Report | Table]) -> str:
    """A page that loads nothing.

    Args:
        title: What a browser shows as its name.
        picture: SVG.
        parts: What stands below.
    """
    body = "".join(part.to_html() for part in parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><div>{picture}</div>{body}</body></html>\n"
    )
