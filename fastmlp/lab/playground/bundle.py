"""The page's modules as one script."""

import re
from pathlib import Path

WEB = Path(__file__).parent / "web"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.js)";\n', re.MULTILINE)


def bundled(*names: str, keep_exports: bool = False) -> str:
    """Return modules of the folder ``web`` and all that they import as one text, each after those that it needs.

    A page that is opened as a file may not import modules.  The modules share one scope, so every name at their top
    level is used once in all of them.  Imports have the form ``import { a, b } from "./name.js";``.
    """
    texts: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in texts:
            text = (WEB / name).read_text(encoding="utf-8")
            for needed in IMPORT.findall(text):
                add(needed)
            texts[name] = IMPORT.sub("", text)

    for name in names:
        add(name)
    text = "\n".join(texts.values())
    return text if keep_exports else re.sub(r"^export ", "", text, flags=re.MULTILINE)
