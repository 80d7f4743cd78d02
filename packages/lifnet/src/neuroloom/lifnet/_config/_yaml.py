"""YAML as a configuration's author means it: no key twice, and only decimal numbers."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, ClassVar

import yaml

from neuroloom.lifnet._errors import ConfigError

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)$")
_FLOAT = re.compile(
    r"(?:[-+]?(?:[0-9][0-9_]*)(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
# YAML 1.1 reads 1:30 as 90, 0640 as 416 and 2020-01-01 as a date; here they stay text.
_OWN = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"}


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """The safe loader, which makes nothing but plain values."""

    yaml_implicit_resolvers: ClassVar[Any] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OWN]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value != "<<" and isinstance(key.value, str):
                if key.value in seen:
                    raise ConfigError(
                        f"{key.value}: expected each key once, got it in lines "
                        f"{seen[key.value]} and {line}"
                    )
                seen[key.value] = line
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


for _first in "-+0123456789.":
    # Whole numbers first: every one of them would be a float, too.
    _Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, [_first])
    _Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, [_first])


def parse(raw: bytes) -> Any:
    """Return what a YAML document holds.

    Parameters
    ----------
    raw : bytes
        The document.

    Raises
    ------
    ConfigError
        If a key stands twice in one mapping.
    yaml.YAMLError
        If it is not YAML.
    """
    return yaml.load(raw, Loader=_Loader)
