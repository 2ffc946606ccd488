"""The examples of README and of the guide run and print what the documents show."""

import contextlib
import doctest
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDE = sorted((ROOT / "docs" / "guide").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path):
    """The language and text of every fenced block."""
    return BLOCK.findall(path.read_text(encoding="utf-8"))


def test_the_programs_of_readme_print_what_follows_them():
    found = blocks(ROOT / "README.md")
    programs = [at for at, (language, _) in enumerate(found) if language == "python"]
    assert len(programs) >= 3
    for at in programs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(found[at][1], {})
        language, text = found[at + 1] if at + 1 < len(found) else ("", "")
        assert printed.getvalue() == (text if language == "text" else "")


@pytest.mark.parametrize("path", GUIDE, ids=[path.stem for path in GUIDE])
def test_the_sessions_of_the_guide_are_true(path):
    text = "\n".join(text for language, text in blocks(path) if language == "pycon")
    session = doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0)
    assert session.examples
    output = []
    doctest.DocTestRunner(verbose=False).run(session, out=output.append)
    assert not output, "".join(output)
