"""Tables from files: however they are written, they hold the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from texts import ROWS, X, check_same, features, written

from fastmlp.lab import tables
from fastmlp.lab.values import Form

F64 = np.dtype("float64")


# ---- ways to write one table


@pytest.mark.parametrize(
    "text",
    [
        written(sep=";"),
        written(sep="\t"),
        written(sep="|"),
        written(sep=" , "),
        written(end="\r\n"),
        written(end="\r"),
        written().rstrip("\n"),
        written(end="\n\n \n"),
        "# made by a program, with commas; and more\n\n" + written(end="\n  # a note\n"),
        written(rows=[tuple(f'"{cell}"' for cell in row) for row in ROWS], header=('"a"', '"b"', '"kind"')),
        written(rows=[(row[0], row[1], f' "{row[2]}" ') for row in ROWS]),
        written().encode("utf-8-sig"),
        written().encode("utf-16"),
        written().encode("utf-32"),
        "sep=;\r\n" + written(sep=";", end="\r\n"),
        "sep=,\n" + written(),
        "sep=:\n" + written(sep=":"),
    ],
    ids=[
        *(*";\t| ", "CRLF", "CR", "end", "blank", "comments", "quoted", "spaced", "BOM", "UTF-16", "UTF-32"),
        *("sep=;", "sep=,", "sep=:"),
    ],
)
def test_a_table_is_read_however_it_is_written(text, read):
    check_same(read(text))


def test_a_given_form_is_used(read):
    check_same(read(written(sep=":"), delimiter=":"))
    check_same(read(written(sep=" "), delimiter=" "))
    check_same(read(written().encode("utf-16-le"), encoding="utf-16-le"))
    check_same(
        read(written(rows=[(*(n.replace(".", ",") for n in row[:2]), row[2]) for row in ROWS], sep=";"), decimal=",")
    )
    check_same(
        read(written(rows=[(*(n.replace(".", ",") for n in row[:2]), row[2]) for row in ROWS], sep="\t"), decimal=",")
    )


def test_without_a_header_columns_have_numbers(read):
    table = read(written(header=None), target="3", has_header=False)
    np.testing.assert_array_equal(features(table), X)
    assert (table.features, table.target) == (["1", "2"], "3")


def test_a_delimiter_within_names_and_labels_is_none(read):
    rows = [("1", "x; y"), ("2", "z; y")]
    assert read(written(rows, ('"length; mm"', "kind"))).labels == ["x; y", "z; y"]
    assert read(written([("1", '"x, y"'), ("2", "z")], ("a", "kind"))).labels == ["x, y", "z"]


@pytest.mark.parametrize(
    ("encoding", "word"), [("utf-8", "größer ≥ 😀"), ("cp1252", "größer €"), ("latin-1", "gr\x81ößer")]
)
def test_the_encoding_is_found(encoding, word, read):
    table = read(written([("1", word), ("2", "no")], ("größe", "kind")), written_in=encoding)
    assert (table.labels, table.features) == ([*sorted(["no", word])], ["größe"])


def test_quoted_line_ends_and_quotes_belong_to_values(read):
    text = 'a,"ki\nnd",b\n1,"x\n# no comment\n\ny",2\n3,"say ""x""",4\n'
    table = read(text, target="ki\nnd")
    assert table.labels == ['say "x"', "x\n# no comment\n\ny"]
    np.testing.assert_array_equal(features(table), [[1, 2], [3, 4]])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30))
def test_numbers_are_those_of_python_bit_by_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text("a,kind\n" + "".join(f"{number!r},x\n" for number in numbers))
    table = tables.read(path, "kind", Form(), task="auto", drop_missing=False, dtype=F64)
    assert features(table)[:, 0].tobytes() == np.array(numbers).tobytes()


@pytest.mark.parametrize("text", ["+5", ".5", "5.", "1E+5", "-0", "007", "123456789012345678901234567890"])
def test_usual_forms_of_a_number_are_read(text, read):
    np.testing.assert_array_equal(features(read(f"a,kind\n{text},x\n")), [[float(text)]])


def test_booleans_are_0_and_1(read):
    table = read("a,b,kind\nTrue,1,x\nfalse,,y\nTRUE,3,x\n", drop_missing=True)
    np.testing.assert_array_equal(features(table), [[1, 1], [1, 3]])
    np.testing.assert_array_equal(features(read("a,kind\ntrue,x\nFalse,y\n")), [[1], [0]])


def test_many_blocks_are_one_table(read, monkeypatch):
    rows = [(str(i), str(-i), "xyz"[i % 3]) for i in range(1000)]
    expected = read(written(rows))
    monkeypatch.setattr(tables, "BLOCK", 50)
    table = read(written(rows))
    assert len(table.blocks) > 10
    assert len(expected.blocks) == 1
    np.testing.assert_array_equal(features(table), features(expected))
    np.testing.assert_array_equal(table.y, expected.y)


# ---- targets


@pytest.mark.parametrize(
    ("labels", "names", "y"),
    [
        (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
        (["10", "9", "10"], None, [10, 9, 10]),
        (["1", "1.0", "01"], None, [1, 1, 1]),
        (["1", "x", "2"], ["1", "2", "x"], [0, 2, 1]),
        (
            ["9007199254740992", "9007199254740993", "9007199254740992"],
            ["9007199254740992", "9007199254740993"],
            [0, 1, 0],
        ),
        (["true", "False", "true"], ["False", "true"], [1, 0, 1]),
        ([" x ", "x", "y"], ["x", "y"], [0, 0, 1]),
    ],
)
def test_targets_are_numbers_where_all_are_and_otherwise_labels(labels, names, y, read):
    table = read(written([("1", "2", label) for label in labels]))
    assert (table.labels, table.y.tolist()) == (names, y)


@pytest.mark.parametrize("n_columns", [1, 1000])
def test_rows_of_any_length_are_read(n_columns, read, monkeypatch):
    monkeypatch.setattr(tables, "BLOCK", 1)
    rows = np.arange(150 * n_columns).reshape(150, n_columns)
    header = [f"c{i}" for i in range(n_columns)]
    table = read(written([[*map(str, row), "x"] for row in rows], [*header, "kind"]))
    np.testing.assert_array_equal(features(table), rows)
    assert [len(block) for block in table.blocks] == [64, 64, 22]


def test_years_may_be_names(read):
    assert read("2019,2020,kind\n1,2,x\n").features == ["2019", "2020"]
