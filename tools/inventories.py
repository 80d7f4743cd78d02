"""Write the inventories that link the reference to other projects' pages.

python tools/inventories.py            into docs/_inventories
python tools/inventories.py --check    fail if what lies there is not what would be written

The site is built without a network, so the few names that docstrings use are listed here with their
pages, in the format of Sphinx (version 2: four lines of text, then lines packed by zlib).
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "_inventories"

# Project: {page with $ for the name: "role name name …"}
TARGETS: dict[str, dict[str, str]] = {
    "python": {
        "library/functions.html#$": "class bool float int object complex bytes str type slice",
        "library/stdtypes.html#$": "class dict list tuple set frozenset",
        "library/constants.html#$": "data None True False",
        "library/exceptions.html#$": (
            "exception Exception ValueError TypeError KeyError IndexError RuntimeError OSError "
            "AttributeError ImportError FileNotFoundError FileExistsError NotImplementedError "
            "DeprecationWarning UserWarning RuntimeWarning AssertionError TimeoutError MemoryError"
        ),
        "library/collections.abc.html#$": (
            "class collections.abc.Sequence collections.abc.Mapping collections.abc.Iterable "
            "collections.abc.Callable collections.abc.Iterator"
        ),
        "library/pathlib.html#$": "class pathlib.Path",
        "library/argparse.html#$": "class argparse.ArgumentParser",
        "library/logging.html#$": "class logging.Logger",
    },
    "numpy": {
        "reference/generated/$.html#$": "class numpy.ndarray numpy.dtype",
        "reference/typing.html#$": "data numpy.typing.ArrayLike numpy.typing.NDArray",
        "reference/random/generator.html#$": "class numpy.random.Generator",
        "reference/random/legacy.html#$": "class numpy.random.RandomState",
        "reference/random/bit_generators/generated/$.html#$": (
            "class numpy.random.SeedSequence numpy.random.BitGenerator"
        ),
    },
    "pandas": {"reference/api/$.html#$": "class pandas.DataFrame pandas.Series pandas.Index"},
    "matplotlib": {
        "api/_as_gen/$.html#$": "class matplotlib.axes.Axes",
        "api/figure_api.html#$": "class matplotlib.figure.Figure",
    },
    "torch": {
        "tensors.html#$": "class torch.Tensor",
        "generated/$.html#$": "class torch.nn.Module torch.Generator",
    },
    "gymnasium": {
        "api/env/#$": "class gymnasium.Env",
        "api/vector/#$": "class gymnasium.vector.VectorEnv",
        "api/wrappers/#$": "class gymnasium.Wrapper",
        "api/spaces/fundamental/#$": "class gymnasium.spaces.Box gymnasium.spaces.Discrete",
    },
    "xarray": {
        "generated/$.html#$": "class xarray.DataArray xarray.Dataset",
    },
    "sklearn": {"modules/generated/$.html#$": "class sklearn.base.BaseEstimator"},
}


def packed(project: str) -> bytes:
    """Return the inventory of a project."""
    lines = []
    for page, text in TARGETS[project].items():
        role, *names = text.split()
        lines += [f"{name} py:{role} 1 {page.replace('$', name)} -" for name in names]
    head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    body = "".join(f"{line}\n" for line in sorted(lines))
    return head.encode() + zlib.compress(body.encode(), 9)


def unpacked(content: bytes) -> bytes:
    """Return an inventory without its compression, which differs between versions of zlib."""
    *head, body = content.split(b"\n", 4)
    return b"\n".join(head) + zlib.decompress(body)


def main(arguments: list[str]) -> int:
    """Write or check every inventory."""
    wrong = []
    FOLDER.mkdir(exist_ok=True)
    for project in TARGETS:
        path = FOLDER / f"{project}.inv"
        if "--check" not in arguments:
            path.write_bytes(packed(project))
        elif not path.is_file() or unpacked(path.read_bytes()) != unpacked(packed(project)):
            wrong.append(path.name)
    if wrong:
        print(f"not what tools/inventories.py writes: {', '.join(wrong)}")
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
