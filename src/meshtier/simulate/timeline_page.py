"""How does a timeline look in a notebook, and as a page by itself?"""

from html import escape
from typing import TYPE_CHECKING, Final

from meshtier.simulate.picture import picture_of
from meshtier.simulate.timeline_report import report_of

if TYPE_CHECKING:
    from meshtier.simulate.timeline import Timeline

MOST_ON_PAGE: Final = 2000
"""How many events and changes of traffic a page shows."""

_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font-family:system-ui,sans-serif;font-size:14px;max-width:62em;margin:1.5em auto;padding:0 1em}"
    "td,th{padding:0 1em 0 0;white-space:pre-wrap}"
)


def notebook_html(timeline: "Timeline") -> str:
    """The report with the picture below, as a part of a page."""
    return f"{report_of(timeline).to_html()}<div>{picture_of(timeline)}</div>"


def page_of(timeline: "Timeline") -> str:
    """The picture and the report as a page that loads nothing."""
    return page(timeline.host, f"<div>{picture_of(timeline)}</div>{report_of(timeline, most=MOST_ON_PAGE).to_html()}")


def page(title: str, body: str) -> str:
    """A whole page around what is shown.

    Args:
        title: What a browser shows as its name.
        body: HTML, already escaped.
    """
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )
