"""What kind of file a table lies in: its encoding, or a format that is no text."""

import codecs
from pathlib import Path

FORMATS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive: save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save the sheet as CSV",
    b"\x1f\x8b": "compressed by gzip: unpack it first",
    b"BZh": "compressed by bzip2: unpack it first",
    b"\xfd7zXZ\x00": "compressed by xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it first",
    b"PAR1": "a Parquet file: save it as CSV",
    b"%PDF-": "a PDF document",
}
MARKS = {  # UTF-32 first: its mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
BINARY = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1a\x1b")
BLOCK = 1 << 20


def encoding_of(path: Path) -> str:
    """Return the encoding of a text file: that of its mark, else UTF-8 if it is valid, else Windows-1252 or Latin-1.

    ValueError if the file is of a known other format or holds control characters.
    """
    refuse_other_formats(path)
    with path.open("rb") as file:
        head = file.read(4096)
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    if BINARY.intersection(head):
        raise ValueError(f"{path} is not a text file; pass --encoding if it is one, such as utf-16-le without a mark")
    return next(encoding for encoding in ("utf-8", "cp1252", "latin-1") if _is_in(path, encoding))


def refuse_other_formats(path: Path) -> None:
    """Raise ValueError for a file that begins as a workbook, an archive or another binary format does."""
    with path.open("rb") as file:
        head = file.read(max(map(len, FORMATS)))
    for magic, what in FORMATS.items():
        if head.startswith(magic):
            raise ValueError(f"{path} must be a text file, it is {what}")


def _is_in(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
