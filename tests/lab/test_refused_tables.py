"""Tables from files that are nonsense: refused by their place, with the remedy, or left out if that is asked for."""

import gzip
import io

import numpy as np
import pytest
from texts import HEADER, ROWS, check_same, features, written

from fastmlp.lab import tables

F32 = np.dtype("float32")
DATA = "a header must hold names, got the numbers of a row"

MISSING = [
    *(
        "",
        " ",
        '""',
        "NA",
        "nan",
        "NaN",
        "-nan",
        "NULL",
        "None",
        "N/A",
        "#N/A",
        "#N/A N/A",
        "?",
        "<NA>",
        "NaT",
        ".",
        r"\N",
    ),
    *("-nan(ind)", "1.#QNAN", "-1.#IND", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!"),
]


@pytest.mark.parametrize("cell", MISSING)
def test_missing_labels_and_values_are_refused_by_place_or_left_out(cell, read):
    shown = cell.strip().strip('"')
    for at, what in ((0, "a value"), (1, "a value"), (2, "the label")):
        bad = ["1", "2", "no"]
        bad[at] = cell
        text = written([*ROWS, tuple(bad)])
        with pytest.raises(ValueError) as caught:
            read(text)
        remedy = "pass --drop-missing to leave such lines out"
        assert str(caught.value) == (
            f"t.csv, line 5, column {HEADER[at]!r}: {what} is missing, got {shown!r}; {remedy}"
        )
        table = read(text, drop_missing=True)
        check_same(table)
        assert table.n_left_out == 1


@pytest.mark.parametrize("cell", ["inf", "-inf", "+Infinity", "INF", "-1.#INF"])
def test_infinities_are_refused_by_place_or_left_out(cell, read):
    for bad in (("1", cell, "no"), ("1", "2", cell)):
        with pytest.raises(ValueError, match=r"t.csv, line 3, column '\w+': .* is not finite, got .*--drop-missing"):
            read(written([ROWS[0], bad, *ROWS[1:]]))
        check_same(read(written([ROWS[0], bad, *ROWS[1:]]), drop_missing=True))


def test_a_table_of_which_nothing_is_left_says_so(read):
    with pytest.raises(ValueError, match="at least one row; all 2 were left out by --drop-missing"):
        read("a,kind\n,x\n1,NA\n", drop_missing=True)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("two", "a value must be a number, got 'two'; write it as a number, or leave the column out"),
        ("2024-01-31", "a value must be a number, got '2024-01-31'"),
        ("0x1F", "a value must be a number, got '0x1F'"),
        ("1_000", "a value must be a number, got '1_000'"),
        ("true", "a value must be a number, got 'true'"),
        ("1 000", "a value must be a number, got '1 000'; remove what groups the digits"),
        ("1'000'000", "a value must be a number, got \"1'000'000\"; remove what groups the digits"),
        ('"0,125"', "a value must be a number, got '0,125'; pass --decimal , if it parts the fraction"),
        ('"1,000"', "a value must be a number, got '1,000'; pass --decimal , if it parts the fraction or remove what"),
        ("1.5.2", "a value must be a number, got '1.5.2'"),
        ('"1,5"', "a value must be a number, got '1,5'; pass --decimal ,"),
        ('"1,000.5"', "a value must be a number, got '1,000.5'; remove what groups the digits"),
        ("٣", "a value must be a number, got '٣'"),
        ("\u202f7", "a value must be a number"),
        ("x" * 5000, f"a value must be a number, got '{'x' * 37}...'"),
        ("12\x1b[31m", r"a value must be a number, got '12\\x1b[31m'"),
        ("1e400", "a value must be finite in float64, got '1e400'; leave the line out"),
        ("9" * 200_000, "a value must be finite in float64, got '9999"),
    ],
)
@pytest.mark.parametrize("drop_missing", [False, True])
def test_what_is_no_number_is_refused_by_place(cell, message, drop_missing, read):
    with pytest.raises(ValueError) as caught:
        read(written([*ROWS, ("1", cell, "no")]), drop_missing=drop_missing)
    text = str(caught.value)
    assert text.startswith(f"t.csv, line 5, column 'b': {message}")
    assert len(text) < 200
    assert text.isprintable()


def test_the_remedy_for_a_decimal_point_or_comma_is_the_other_one(read):
    with pytest.raises(ValueError, match=r"line 2, column 'a': .* got '1,5'; pass --decimal , if"):
        read("a;kind\n1,5;x\n")
    with pytest.raises(ValueError, match=r"line 2, column 'a': .* got '1.5'; pass --decimal . if"):
        read("a;kind\n1.5;x\n", decimal=",")


def test_values_beyond_float32_are_refused_in_float32_alone(read):
    text = written([*ROWS, ("1e200", "1", "no")])
    assert features(read(text)).max() == 1e200
    with pytest.raises(
        ValueError, match=r"t.csv, line 5, column 'a': a value must be finite in float32, got '1e200'; pass --dtype"
    ):
        read(text, dtype=F32)


@pytest.mark.parametrize(
    "before",
    [
        "1,2,no\n",
        "\n\n1,2,no\n",
        "# x\n1,2,no\n\n#y\n",
        '1,2,"a\n\n#b\nc"\n\n',
        "1,2,no\r\n\r\n#\r\n",
        "1,2,no\r\r",
        '"1",2,"x""\n"\n',
    ],
)
def test_lines_are_those_of_the_file(before, read):
    """Also after blank lines, comments and quoted line ends; an editor counts as this sum does."""
    text = f"\n# made today\na,b,kind\n{before}3,oops,yes\n"
    line = 1 + text[: text.index("3,oops")].replace("\r\n", "\n").replace("\r", "\n").count("\n")
    with pytest.raises(ValueError, match=f"t.csv, line {line}, column 'b': a value must be a number, got 'oops'"):
        read(text)
    with pytest.raises(ValueError, match=f"t.csv, line {line}: expected 3 values, got 2"):
        read(text.replace("3,oops,", "3,"))


@pytest.mark.parametrize("n", [50, 20_000])
def test_lines_are_right_far_down(n, read, monkeypatch):
    monkeypatch.setattr(tables, "BLOCK", 1000)
    text = written([("1", "2", '"x\ny"'), ("3", "4", "z")] * n) + "5,bad,x\n"
    with pytest.raises(ValueError, match=f"t.csv, line {3 * n + 2}, column 'b': a value must be a number, got 'bad'"):
        read(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "t.csv must have a header line and at least one row, it is empty"),
        ("\n \n# nothing\n", "t.csv must have a header line and at least one row, it is empty"),
        ("a,b,kind\n", "t.csv must have a header line and at least one row"),
        (written(header=None), f"t.csv, line 1: {DATA} (1.5, -2, no); pass --no-header"),
        ("1,2,3\n4,5,6\n", f"t.csv, line 1: {DATA} (1, 2, 3); pass --no-header"),
        ("# a,b,c\n1,2,0\n", f"t.csv, line 2: {DATA} (1, 2, 0); remove the # before the names in line 1, or pass"),
        ("a,kind,b,kind\n1,x,2,x\n", "t.csv, line 1: each name must stand once, columns 2 and 4 are both 'kind'"),
        ("\n\na, a ,kind\n1,2,x\n", "t.csv, line 3: each name must stand once, columns 1 and 2 are both 'a'"),
        (",a,kind\n0,1,x\n", "t.csv, line 1: column 1 has no name; name it, or leave it out (pandas writes"),
        ("a,b,kind\n1,2,x\n1,2\n", "t.csv, line 3: expected 3 values, got 2; remove the line if it is"),
        ("a,b,kind\n1,2,x,4\n", "t.csv, line 2: expected 3 values, got 4; quote values with ',' in them"),
        ('a,b,kind\n1,2,"x\n3,4,y\n', "t.csv, line 2: the quotes that begin here are never closed"),
        ("a,b,sort\n1,2,x\n", "--target must be a column of t.csv, one of a, b, sort; got 'kind'"),
        ("a b kind\n1 2 x\n", "--target must be a column of t.csv, one of a b kind; got 'kind'; pass --delimiter"),
        ("My table\na,b,kind\n1,2,x\n", "--target must be a column of t.csv, one of My table; got 'kind'; pass --"),
        ("kind\nx\n", "t.csv must have features beside the target, got one column"),
        ("a,kind\n1,x\n2,\0y\n", "t.csv is not a text file"),
        ("a,kind\n" + 3000 * "1,x\n" + "2,\0y\n", "t.csv, line 3002: must be text, got a NUL character"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(text, message, read):
    with pytest.raises(ValueError) as caught:
        read(text)
    assert str(caught.value).startswith(message)


def test_a_target_that_is_not_named_lists_the_columns(read):
    with pytest.raises(ValueError, match=r"--target must name the column of labels in t.csv: one of a, b, kind"):
        read(written(), target=None)
    many = [f"c{i}" for i in range(1000)]
    with pytest.raises(ValueError, match="c10, c11 and 988 more; got 'no'"):
        read(written([["1"] * 1000], many), target="no")


def workbook():
    import zipfile

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (workbook(), "t.csv must be a text file, it is an Excel workbook or a zip archive: save the sheet as CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "it is an Excel workbook: save the sheet as CSV"),
        (gzip.compress(written().encode()), "it is compressed by gzip: unpack it first"),
        (b"PAR1\x15\x00", "it is a Parquet file: save it as CSV"),
        (np.random.default_rng(0).bytes(5000), "t.csv is not a text file"),
        (written().encode("utf-16-le"), "t.csv is not a text file; pass --encoding if it is one"),
    ],
)
def test_files_of_another_kind_are_named(content, message, read):
    with pytest.raises(ValueError) as caught:
        read(content)
    assert message in str(caught.value)


@pytest.mark.parametrize(("written_in", "encoding"), [("cp1252", "utf-8"), ("utf-8", "ascii"), ("utf-16", "utf-8")])
@pytest.mark.parametrize("n", [0, 1, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_wrong_encoding_is_refused_by_line(written_in, encoding, n, end, read):
    text = written([*[("1", "2", "x")] * n, ("1", "2", "größer")], end=end)
    line = 1 if written_in == "utf-16" else n + 2
    with pytest.raises(ValueError, match=f"^t.csv, line {line}: must be in {encoding}: .*; pass --encoding$"):
        read(text, written_in=written_in, encoding=encoding)


def test_a_cut_character_is_refused_by_its_line(read):
    with pytest.raises(ValueError, match=r"t\.csv, line 5: must be in utf-16: "):
        read(written().encode("utf-16")[:-2] + b"\n\0\xd8")


def test_a_semicolon_goes_before_decimal_commas(read):
    with pytest.raises(ValueError, match=r"t\.csv, line 1, column '1': .*, got '1,5'; pass --decimal ,"):
        read("1,5;2,5;no\n2,5;3,5;yes\n", target="3", has_header=False)


def test_decimals_of_another_form_are_no_classes_unless_that_is_said(read):
    text = "a;kind\n1;2,5\n2;3,5\n"
    with pytest.raises(
        ValueError, match=r"t\.csv, line 2, column 'kind': a value must be a number, got '2,5'; pass --dec"
    ):
        read(text)
    assert read(text, task="classification").labels == ["2,5", "3,5"]
    assert read(text, decimal=",").y.tolist() == [2.5, 3.5]


def test_whole_numbers_in_place_of_names_hint_at_a_missing_header(read):
    with pytest.raises(ValueError, match=r"one of 5, 3, setosa; got 'kind'; pass --no-header if these are data"):
        read("5,3,setosa\n4,3,setosa\n")


def test_the_columns_of_an_error_are_those_that_pandas_refused(read, monkeypatch):
    """Whatever pandas refuses and the rules here do not is still an error by line."""
    monkeypatch.setattr(tables._Reader, "_flaw", lambda *_: None)
    with pytest.raises(ValueError, match=r"t.csv, lines 2 to 5: pandas cannot convert all values to numbers"):
        read(written([*ROWS, ("1", "two", "no")]))


def test_a_word_late_in_a_target_of_numbers_is_refused_by_line(read, monkeypatch):
    monkeypatch.setattr(tables, "BLOCK", 50)
    rows = [("1", "2", str(i)) for i in range(2000)]
    with pytest.raises(ValueError, match=r"t.csv, line 2002, column 'kind': a value must be a number, got 'many'"):
        read(written([*rows, ("1", "2", "many")]))
    with pytest.raises(ValueError, match=r"line 4, column 'kind': a value must be a number, got 'yes'"):
        read(written([*rows[:2], ROWS[1]]), task="regression")
    with pytest.raises(ValueError, match=r"line 2, column 'kind': a value must be finite in float64, got '1e999'"):
        read(written([("1", "2", "1e999")]))
