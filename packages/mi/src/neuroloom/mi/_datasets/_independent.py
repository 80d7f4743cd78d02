"""Independent samples with a closed-form truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._datasets._output import hand_out, not_negative, positive, stream
from neuroloom.shared import Seed


def mi_to_rho(dim: int, mi: float) -> float:
    """Return the correlation that gives `dim` independent normal pairs `mi` bits in all.

    Parameters
    ----------
    dim : int
        Number of pairs.
    mi : float
        Mutual information in bits.

    Returns
    -------
    float
        ``√(1 − 2^(−2 mi / dim))``.

    Raises
    ------
    OptionError
        If `dim` is not positive or `mi` negative.

    Examples
    --------
    >>> round(mi_to_rho(1, 1.0), 4)
    0.866
    """
    positive(dim=dim)
    not_negative(mi=mi)
    return float(np.sqrt(-np.expm1(-2 * np.log(2) * mi / dim)))


def generate_correlated_gaussians(
    n_samples: int, dim: int, mi: float, use_torch: bool = True, seed: int | Seed | None = None
) -> tuple[Any, Any]:
    """Return two normal variables whose mutual information is exactly `mi` bits.

    Each of the `dim` coordinates of one is correlated with the same coordinate of the other.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    dim : int
        Dimensions of each variable.
    mi : float
        Mutual information in bits.
    use_torch : bool
        Return tensors (float32) rather than arrays (float64).
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x, y : Tensor or ndarray, shape (n_samples, dim)

    Raises
    ------
    OptionError
        If a size is not positive or `mi` is negative.

    Examples
    --------
    >>> x, y = generate_correlated_gaussians(100, 5, 2.0, use_torch=False, seed=0)
    >>> x.shape, y.shape
    ((100, 5), (100, 5))
    """
    positive(n_samples=n_samples, dim=dim)
    rng = stream("correlated gaussians", seed)
    return hand_out(use_torch, *_gaussians(rng, n_samples, dim, mi))


def generate_nonlinear_from_latent(
    n_samples: int,
    latent_dim: int,
    observed_dim: int,
    mi: float,
    hidden_dim: int = 64,
    use_torch: bool = True,
    seed: int | Seed | None = None,
) -> tuple[Any, Any]:
    """Return two high-dimensional variables that share `mi` bits through hidden normal ones.

    Correlated normal latents go through one random network each (linear, softplus, linear).
    Nothing is added after that, so the stated information is kept exactly as long as the
    networks can be inverted (`hidden_dim` and `observed_dim` at least `latent_dim`).

    Parameters
    ----------
    n_samples : int
        Number of samples.
    latent_dim : int
        Dimensions of each latent.
    observed_dim : int
        Dimensions of each observed variable.
    mi : float
        Mutual information of the latents in bits.
    hidden_dim : int
        Width of the random networks.
    use_torch : bool
        Return tensors (float32) rather than arrays (float64).
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x, y : Tensor or ndarray, shape (n_samples, observed_dim)

    Raises
    ------
    OptionError
        If a size is not positive or `mi` is negative.
    """
    positive(
        n_samples=n_samples, latent_dim=latent_dim, observed_dim=observed_dim, hidden_dim=hidden_dim
    )
    rng = stream("nonlinear from latent", seed)
    z_x, z_y = _gaussians(rng, n_samples, latent_dim, mi)
    x, y = (_random_network(rng, z, hidden_dim, observed_dim) for z in (z_x, z_y))
    return hand_out(use_torch, x, y)


def generate_xor_data(
    n_samples: int, noise: float = 0.1, use_torch: bool = True, seed: int | Seed | None = None
) -> tuple[Any, Any]:
    """Return two coins and their exclusive or, which neither coin tells anything about alone.

    For small noise I(x; y) is 1 bit and I(x₁; y) = I(x₂; y) = 0.

    Parameters
    ----------
    n_samples : int
        Number of samples.
    noise : float
        Standard deviation of the normal noise on y.
    use_torch : bool
        Return tensors (float32) rather than arrays (float64).
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x : Tensor or ndarray, shape (n_samples, 2)
        Zeros and ones.
    y : Tensor or ndarray, shape (n_samples, 1)
        ``x₁ xor x₂``, plus noise.

    Raises
    ------
    OptionError
        If `n_samples` is not positive or `noise` is negative.
    """
    positive(n_samples=n_samples)
    not_negative(noise=noise)
    rng = stream("xor", seed)
    x = rng.integers(0, 2, (n_samples, 2))
    y = (x[:, :1] ^ x[:, 1:]) + noise * rng.standard_normal((n_samples, 1))
    return hand_out(use_torch, x.astype(np.float64), y)


def _gaussians(
    rng: np.random.Generator, n: int, dim: int, mi: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rho = mi_to_rho(dim, mi)
    x = rng.standard_normal((n, dim))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((n, dim))


def _random_network(
    rng: np.random.Generator, z: NDArray[np.float64], hidden: int, out: int
) -> NDArray[np.float64]:
    first = rng.standard_normal((z.shape[1], hidden)) / np.sqrt(z.shape[1])
    second = rng.standard_normal((hidden, out)) / np.sqrt(hidden)
    bias = rng.uniform(-1, 1, hidden)
    observed: NDArray[np.float64] = np.logaddexp(0, z @ first + bias) @ second
    return observed
