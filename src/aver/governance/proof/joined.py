"""``aver-verify.py``: the modules of this package as one file, which needs no installation."""

from __future__ import annotations

import ast
from importlib import resources

__all__ = ["joined"]

_ORDER = (
    "terms", "ed25519", "aes_gcm", "der", "signatures", "timestamp", "tree", "container", "asking", "of_turns", "of_running", "judging", "verifier"
)  # fmt: skip
"""Each uses only names of those before it."""
_ABOUT = '''#!/usr/bin/env python3
"""Verify an evidence pack of Aver, with this one file and Python 3.11 or newer. Nothing of Aver is needed.

    python -I -S aver-verify.py PACK.zip [--key FINGERPRINT] [--tsa-certificate FILE] [--thorough] [--json]

Take this file from the wheel of Aver, or from a pack that you trust: whoever forges a pack may forge the verifier in it.

What is shown, when it says that the pack holds:
- each byte of the file is the one that the key signed, those of the container included;
- each step follows the one before it: none was changed, left out, added or moved between the first and the last of the pack;
- signed checkpoints, anchors and cosignatures of witnesses are of this chain, and each anchored state of it grew out of the one before;
- timestamp tokens are of the anchors that they stand with, and signed by the certificate that they carry; with --tsa-certificate, that this one
  is the given certificate or was issued below it;
- content, where it was disclosed, is what was sealed with the step (of the first 256, or of all with --thorough; --read STEP shows it);
- the result of each control follows from the steps in the pack.

What is not shown: that the key is the tenant's, unless you give its fingerprint and have it from elsewhere; anything about steps before
the first and after the last; that what Aver was told is true; that the certificate in a timestamp token is an authority's, unless you give
--tsa-certificate and have it from elsewhere, and that nobody has withdrawn it since.
"""
'''


def joined() -> str:
    """The program's text. The same modules give the same text."""
    imports, bodies = set[str](), list[str]()
    for name in _ORDER:
        text = resources.files(__package__).joinpath(f"{name}.py").read_text("utf-8")
        lines, tree = text.splitlines(), ast.parse(text)
        left_out = set[int]()
        for statement in tree.body:
            if _is_left_out(statement):
                left_out |= set(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
                imports |= _imported(statement)
        body = "\n".join(line for number, line in enumerate(lines, 1) if number not in left_out).strip("\n")
        bodies.append(f"# {_docstring(tree)}\n\n{body}\n")
    first = [*sorted(each for each in imports if each.startswith("import"))]
    first += sorted(each for each in imports if each.startswith("from"))
    begin = 'if __name__ == "__main__":\n    sys.exit(main())\n'
    return "\n\n".join([f"{_ABOUT}\nfrom __future__ import annotations\n\n" + "\n".join(first) + "\n", *bodies, begin])


def _is_left_out(statement: ast.stmt) -> bool:
    """Imports, the list of public names, and the docstring of a module."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    if isinstance(statement, ast.Assign):
        return isinstance(statement.targets[0], ast.Name) and statement.targets[0].id == "__all__"
    return isinstance(statement, ast.Expr) and statement.lineno == 1


def _imported(statement: ast.stmt) -> set[str]:
    """What is imported of the standard library, a line a name."""
    if isinstance(statement, ast.Import):
        return {f"import {each.name}" for each in statement.names}
    if isinstance(statement, ast.ImportFrom) and statement.module not in (None, "__future__"):
        assert statement.module is not None
        if not statement.module.startswith("aver."):
            return {f"from {statement.module} import {each.name}" for each in statement.names}
    return set()


def _docstring(tree: ast.Module) -> str:
    return (ast.get_docstring(tree) or "").splitlines()[0]
