"""Fail if a test was skipped in every run: ``python tools/never_run.py run.xml...`` with what ``--junitxml`` wrote.

A module that was skipped as a whole counts as run where one of its tests was.
"""

import sys
from xml.etree import ElementTree


def never_run(paths):
    """Names of the tests, or modules, that some run skipped and none ran."""
    skipped, ran = set(), set()
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            module, name = case.get("classname"), case.get("name")
            if case.find("skipped") is None:
                ran |= {module, f"{module}.{name}"}
            else:
                skipped.add(f"{module}.{name}" if module else name)
    return sorted(skipped - ran)


if __name__ == "__main__":
    names = never_run(sys.argv[1:])
    if names:
        sys.exit("skipped in every run:\n" + "\n".join(names))
