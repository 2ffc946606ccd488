"""The page's modules as one script."""

import re
from pathlib import Path

WEB = Path(__file__).parent / "web"
IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./(\w+)\.js";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:const|function|class) (\w+))", re.MULTILINE)


def bundled(*names: str, keep_exports: bool = False) -> str:
    """Return modules of the folder ``web`` and all that they import as one script, each after those that it needs.

    A page that is opened as a file may not import modules.  Each becomes a function that returns what it exports.
    Imports have the form ``import { a, b } from "./name.js";``, exports stand before a declaration.  With
    ``keep_exports`` the script is a module that exports what the modules do.
    """
    texts: dict[str, str] = {}

    def add(name: str) -> None:
        if name in texts:
            return
        text = (WEB / f"{name}.js").read_text(encoding="utf-8")
        for _, needed in IMPORT.findall(text):
            add(needed)
        exported = f"{{ {', '.join(EXPORT.findall(text))} }}"
        body = EXPORT.sub("", IMPORT.sub(r"const \1 = module_\2;\n", text))
        exports = f"export const {exported} = module_{name};\n" if keep_exports else ""
        texts[name] = f"const module_{name} = (() => {{\n{body}return {exported};\n}})();\n{exports}"

    for name in names:
        add(name.removesuffix(".js"))
    return "".join(texts.values())
