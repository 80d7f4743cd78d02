"""What an environment was made with, to be read."""

from __future__ import annotations

from typing import Any, NoReturn

from neuroloom.tasks._errors import TaskTypeError


class Given(dict[str, Any]):
    """A dict that refuses changes, as they would do nothing: the environment is made already.

    Copies of it are plain dicts.
    """

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TaskTypeError(
            "timing and rewards of an environment cannot be changed when it is made; give "
            "`timing={...}` or `rewards={...}` to make, or a task that has them to become"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = pop = popitem = clear = setdefault = _refuse

    def __reduce__(self) -> tuple[Any, tuple[dict[str, Any]]]:
        return dict, (dict(self),)
