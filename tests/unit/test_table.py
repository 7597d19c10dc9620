import pytest

from meshtier.table import Table, percent, shortened


def test_a_table_takes_any_rows_and_keeps_tuples() -> None:
    table = Table(columns=["a", "b"], rows=iter([["1", "2"]]), notes=["n"])
    assert (table.columns, table.rows, table.notes) == (("a", "b"), (("1", "2"),), ("n",))
    assert hash(table) == hash(Table(columns=("a", "b"), rows=[("1", "2")], notes=("n",)))


def test_html_has_caption_head_body_and_notes() -> None:
    table = Table(
        title="T", columns=("a", "n"), rows=[("x", "1"), ("y", "2")], notes=("one", "two"), numeric=frozenset({1})
    )
    assert table.to_html() == (
        "<div><table>"
        '<caption style="text-align:left;caption-side:top"><b>T</b></caption>'
        '<thead><tr><th style="text-align:left;vertical-align:top">a</th>'
        '<th style="text-align:right;white-space:nowrap;vertical-align:top">n</th></tr></thead>'
        '<tbody><tr><td style="text-align:left;vertical-align:top">x</td>'
        '<td style="text-align:right;white-space:nowrap;vertical-align:top">1</td></tr>'
        '<tr><td style="text-align:left;vertical-align:top">y</td>'
        '<td style="text-align:right;white-space:nowrap;vertical-align:top">2</td></tr></tbody></table>'
        "<ul><li>one</li><li>two</li></ul></div>"
    )


def test_html_without_title_and_notes_has_neither_caption_nor_list() -> None:
    html = Table(columns=("a",), rows=[]).to_html()
    assert html == (
        '<div><table><thead><tr><th style="text-align:left;vertical-align:top">a</th></tr></thead>'
        "<tbody></tbody></table></div>"
    )


def test_html_escapes_all_text() -> None:
    evil = "<script>alert('&')</script>"
    html = Table(title=evil, columns=(evil,), rows=[(evil,)], notes=(evil,)).to_html()
    assert html.count("&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;") == 4
    assert "<script" not in html


def test_markdown_has_title_head_body_and_notes() -> None:
    table = Table(title="T", columns=("a", "n"), rows=[("x", "1")], notes=("one",), numeric=frozenset({1}))
    assert table.to_markdown() == "**T**\n\n| a | n |\n| --- | ---: |\n| x | 1 |\n\n- one"


def test_markdown_without_title_and_notes_is_the_table_alone() -> None:
    assert Table(columns=("a",), rows=[]).to_markdown() == "| a |\n| --- |"


def test_markdown_cells_cannot_break_the_table() -> None:
    table = Table(title="t\nt", columns=("a",), rows=[("x|y\nz\\",)], notes=("m\nn",))
    assert table.to_markdown() == "**t t**\n\n| a |\n| --- |\n| x\\|y z\\\\ |\n\n- m n"


def test_plain_text_aligns_its_columns_numbers_to_the_right() -> None:
    table = Table(
        title="T", columns=("a", "n"), rows=[("long", "1"), ("", "100")], notes=("one", "two"), numeric=frozenset({1})
    )
    assert table.to_text() == "T\na       n\nlong    1\n      100\none\ntwo"


def test_plain_text_has_no_blanks_at_the_ends_of_its_lines() -> None:
    assert Table(columns=("a", "b"), rows=[("1", "")]).to_text() == "a  b\n1"


def test_plain_text_without_rows_is_its_heads() -> None:
    assert Table(columns=("a", "b"), rows=[]).to_text() == "a  b"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        pytest.param([], "", id="none"),
        pytest.param(["a"], "a", id="one"),
        pytest.param(["a", "b", "c", "d"], "a, b, c, d", id="as many as fit"),
        pytest.param(["a", "b", "c", "d", "e"], "a, b, c, d … +1", id="one too many"),
        pytest.param(["a", "b", "c", "d", "e", "f", "g"], "a, b, c, d … +3", id="many"),
    ],
)
def test_many_names_are_shortened_to_four_and_a_count(names: list[str], text: str) -> None:
    assert shortened(names) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.0, "0 %"),
        (1e-300, "<0.1 %"),
        (0.00099, "<0.1 %"),
        (0.001, "0.1 %"),
        (0.0125, "1.2 %"),
        (0.25, "25 %"),
        (1 / 3, "33.3 %"),
        (1, "100 %"),
        (1.0, "100 %"),
    ],
)
def test_a_share_reads_as_per_cent_with_one_decimal_at_most(share: float, text: str) -> None:
    assert percent(share) == text
