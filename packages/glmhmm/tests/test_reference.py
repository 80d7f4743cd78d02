"""The examples of the reference's documentation, with its package's name replaced by ours.

They are read from the document where it lies beside the recordings; our own docstrings show the
same calls. The document lost its line breaks, so that a statement and what it prints share a line.
"""

import re
import warnings

import numpy as np
import pytest

pytest.importorskip("pynapple")


def statements(text):
    """Yield lists of statements, one list per block of examples."""
    for block in re.split(r"\nExamples\n", text):
        found = []
        for line in block.split("\n"):
            if ">>> " in line:
                parts = line[line.index(">>> ") :].split(">>> ")[1:]
                found += [lines_of(part.strip()) for part in parts]
        if found:
            yield found


def lines_of(statement):
    """Return the statement with its line breaks back, what stands in brackets on one line."""
    lines, depth = [], 0
    for part in statement.split(" ... "):
        if depth > 0:
            lines[-1] += " " + part
        else:
            lines.append(("    " if lines else "") + part)
        depth += sum(part.count(c) for c in "([{") - sum(part.count(c) for c in ")]}")
    return "\n".join(lines)


def run(statement, names):
    """Run a statement; return whether it printed what the document says."""
    for at in (m.start() for m in re.finditer(" ", statement)):
        code, shown = statement[:at], statement[at + 1 :]
        if "=" in shown or not re.match(r"[(<'A-Z]", shown):
            continue
        try:
            compiled = compile(code, "<example>", "eval")
        except SyntaxError:
            continue
        assert repr(eval(compiled, names)) == shown, statement
        return True
    exec(compile(statement, "<example>", "exec"), names)
    return False


@pytest.mark.together
@pytest.mark.slow
def test_every_example_of_the_document(data_folder):
    path = data_folder.parent / "seeds" / "glmhmm-nemos-GLMHMM-reference.txt"
    if not path.is_file():
        pytest.skip(f"no {path}")
    text = re.sub(r"\bnemos\b", "neuroloom.glmhmm", path.read_text())
    before = np.random.get_state()  # noqa: NPY002 - the document's examples seed it
    printed = silent = 0
    try:
        for block in statements(text):
            names = {}
            for statement in block:
                with warnings.catch_warnings():
                    # Pure noise in two states need not converge; that is not what examples show.
                    warnings.simplefilter("ignore", RuntimeWarning)
                    warnings.simplefilter("ignore", UserWarning)
                    if run(statement, names):
                        printed += 1
                    else:
                        silent += 1
    finally:
        np.random.set_state(before)  # noqa: NPY002
    assert printed >= 25
    assert silent >= 50
