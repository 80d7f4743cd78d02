"""What there is."""

from neuroloom.tasks._neurogym.info import (
    all_envs,
    all_tags,
    all_wrappers,
    env_string,
    get_collection,
    show_all_tags,
    show_all_tasks,
    show_all_wrappers,
    show_info,
)

__all__ = [
    "all_envs",
    "all_tags",
    "all_wrappers",
    "env_string",
    "get_collection",
    "show_all_tags",
    "show_all_tasks",
    "show_all_wrappers",
    "show_info",
]
