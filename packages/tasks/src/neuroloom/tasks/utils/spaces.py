"""Spaces whose dimensions have names, and gymnasium's others."""

from gymnasium.spaces import (
    Dict,
    MultiBinary,
    MultiDiscrete,
    Space,
    Tuple,
    flatdim,
    flatten,
    unflatten,
)

from neuroloom.tasks._design.spaces import Box, Discrete

__all__ = [
    "Box",
    "Dict",
    "Discrete",
    "MultiBinary",
    "MultiDiscrete",
    "Space",
    "Tuple",
    "flatdim",
    "flatten",
    "unflatten",
]
