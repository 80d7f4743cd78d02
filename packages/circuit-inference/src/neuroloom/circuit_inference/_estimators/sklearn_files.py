"""scikit-learn's regressors as files: an explicit list of what a file may build.

skops trusts all of scikit-learn's estimators and numpy's functions, and asks about the rest. That
is too much for a file of unknown origin: a pipeline of function transformers is a program. Here
the file's own description is read first, and every object in it must be on the list of the one
regressor that the header names: its class, the parts that its fitted state is made of, and plain
data. Nothing on the lists turns a name into a function, and nothing is built before all is checked.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neuroloom.circuit_inference.errors import ModelFormatError, UnsafeFormatError

_Node = tuple[str, str]  # skops' loader, and the class

_PLAIN: frozenset[_Node] = frozenset(
    {
        ("DictNode", "builtins.dict"),
        ("JsonNode", "builtins.str"),  # numbers, text, None
        ("ListNode", "builtins.list"),
        ("TupleNode", "builtins.tuple"),
        ("TypeNode", "builtins.str"),  # of the keys of a dict
        ("ObjectNode", "sklearn.multioutput.MultiOutputRegressor"),
    }
    | {
        ("NdArrayNode", f"numpy.{name}")
        for name in ("ndarray", "float32", "float64", "int32", "int64", "uint64", "bool", "bool_")
    }
)

_TREE = ("tree._classes.DecisionTreeRegressor", "tree._tree.Tree")
_RANDOM = ("numpy.random.mtrand.RandomState",)
_LINKS = ("_loss.link.Interval", "_loss.link.IdentityLink", "_loss.link.LogLink")


def _losses(*names: str) -> tuple[str, ...]:
    compiled = (f"_loss._loss.Cy{name}" for name in names)
    return (*_LINKS, *(f"_loss.loss.{name}" for name in names), *compiled)


_DISTANCES = tuple(
    f"metrics._dist_metrics.{name}Distance64"
    for name in (
        *("BrayCurtis", "Canberra", "Chebyshev", "Euclidean", "Hamming", "Manhattan", "Minkowski"),
    )
)
_NEIGHBOURS = ("neighbors._ball_tree.BallTree", "neighbors._kd_tree.KDTree", *_DISTANCES)

# By name: the regressor's class, then the parts that it is made of; of sklearn unless said.
_CLASSES: dict[str, tuple[str, ...]] = {
    "ARDRegression": ("linear_model._bayes.ARDRegression",),
    "AdaBoostRegressor": ("ensemble._weight_boosting.AdaBoostRegressor", *_TREE, *_RANDOM),
    "BaggingRegressor": ("ensemble._bagging.BaggingRegressor", *_TREE, *_RANDOM),
    "BayesianRidge": ("linear_model._bayes.BayesianRidge",),
    "CCA": ("cross_decomposition._pls.CCA",),
    "DecisionTreeRegressor": _TREE,
    "DummyRegressor": ("dummy.DummyRegressor",),
    "ElasticNet": ("linear_model._coordinate_descent.ElasticNet",),
    "ElasticNetCV": ("linear_model._coordinate_descent.ElasticNetCV",),
    "ExtraTreeRegressor": ("tree._classes.ExtraTreeRegressor", "tree._tree.Tree"),
    "ExtraTreesRegressor": (
        *("ensemble._forest.ExtraTreesRegressor", "tree._classes.ExtraTreeRegressor"),
        "tree._tree.Tree",
    ),
    "GammaRegressor": ("linear_model._glm.glm.GammaRegressor", *_losses("HalfGammaLoss")),
    "GaussianProcessRegressor": (
        "gaussian_process._gpr.GaussianProcessRegressor",
        *(f"gaussian_process.kernels.{name}" for name in ("ConstantKernel", "Product", "RBF")),
        *_RANDOM,
    ),
    "GradientBoostingRegressor": (
        *("ensemble._gb.GradientBoostingRegressor", "dummy.DummyRegressor"),
        *_TREE,
        *_RANDOM,
        *_losses("AbsoluteError", "HalfSquaredError", "HuberLoss", "PinballLoss"),
    ),
    "HistGradientBoostingRegressor": (
        "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
        "ensemble._hist_gradient_boosting.binning._BinMapper",
        "ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "numpy.random._generator.Generator",
        *_losses("AbsoluteError", "HalfGammaLoss", "HalfPoissonLoss", "HalfSquaredError"),
        *_losses("PinballLoss"),
    ),
    "HuberRegressor": ("linear_model._huber.HuberRegressor",),
    "IsotonicRegression": ("isotonic.IsotonicRegression",),
    "KNeighborsRegressor": ("neighbors._regression.KNeighborsRegressor", *_NEIGHBOURS),
    "KernelRidge": ("kernel_ridge.KernelRidge",),
    "Lars": ("linear_model._least_angle.Lars",),
    "LarsCV": ("linear_model._least_angle.LarsCV",),
    "Lasso": ("linear_model._coordinate_descent.Lasso",),
    "LassoCV": ("linear_model._coordinate_descent.LassoCV",),
    "LassoLars": ("linear_model._least_angle.LassoLars",),
    "LassoLarsCV": ("linear_model._least_angle.LassoLarsCV",),
    "LassoLarsIC": ("linear_model._least_angle.LassoLarsIC",),
    "LinearRegression": ("linear_model._base.LinearRegression",),
    "LinearSVR": ("svm._classes.LinearSVR",),
    "MLPRegressor": (
        "neural_network._multilayer_perceptron.MLPRegressor",
        "neural_network._stochastic_optimizers.AdamOptimizer",
        "neural_network._stochastic_optimizers.SGDOptimizer",
        *_RANDOM,
    ),
    "MultiTaskElasticNet": ("linear_model._coordinate_descent.MultiTaskElasticNet",),
    "MultiTaskElasticNetCV": ("linear_model._coordinate_descent.MultiTaskElasticNetCV",),
    "MultiTaskLasso": ("linear_model._coordinate_descent.MultiTaskLasso",),
    "MultiTaskLassoCV": ("linear_model._coordinate_descent.MultiTaskLassoCV",),
    "NuSVR": ("svm._classes.NuSVR",),
    "OrthogonalMatchingPursuit": ("linear_model._omp.OrthogonalMatchingPursuit",),
    "OrthogonalMatchingPursuitCV": ("linear_model._omp.OrthogonalMatchingPursuitCV",),
    "PLSCanonical": ("cross_decomposition._pls.PLSCanonical",),
    "PLSRegression": ("cross_decomposition._pls.PLSRegression",),
    "PassiveAggressiveRegressor": ("linear_model._passive_aggressive.PassiveAggressiveRegressor",),
    "PoissonRegressor": ("linear_model._glm.glm.PoissonRegressor", *_losses("HalfPoissonLoss")),
    "QuantileRegressor": ("linear_model._quantile.QuantileRegressor",),
    "RANSACRegressor": (
        *("linear_model._ransac.RANSACRegressor", "linear_model._base.LinearRegression"),
        *_RANDOM,
    ),
    "RadiusNeighborsRegressor": ("neighbors._regression.RadiusNeighborsRegressor", *_NEIGHBOURS),
    "RandomForestRegressor": ("ensemble._forest.RandomForestRegressor", *_TREE, *_RANDOM),
    "Ridge": ("linear_model._ridge.Ridge",),
    "RidgeCV": ("linear_model._ridge.RidgeCV",),
    "SGDRegressor": ("linear_model._stochastic_gradient.SGDRegressor",),
    "SVR": ("svm._classes.SVR",),
    "TheilSenRegressor": ("linear_model._theil_sen.TheilSenRegressor",),
    "TweedieRegressor": (
        "linear_model._glm.glm.TweedieRegressor",
        *_losses("HalfTweedieLoss", "HalfTweedieLossIdentity"),
    ),
}

_LOADERS = {
    "sklearn.tree._tree.Tree": "TreeNode",
    "numpy.random.mtrand.RandomState": "RandomStateNode",
    "numpy.random._generator.Generator": "RandomGeneratorNode",
}


def storable() -> list[str]:
    """Return the names of the regressors that can be saved."""
    return sorted(_CLASSES)


def dump(model: Any, name: str, path: Path) -> None:
    """Write a fitted regressor with skops.

    Raises
    ------
    ModelFormatError
        If the regressor is not one of those that can be read again.
    """
    import skops.io

    if name not in _CLASSES:
        raise ModelFormatError(
            f"model: expected a regressor that can be saved, one of {', '.join(storable())}; "
            f"got {name}"
        )
    raw = skops.io.dumps(model)
    try:
        check(raw, name, path.name)
    except UnsafeFormatError as error:
        raise ModelFormatError(
            f"hyperparams: expected a regressor made of numbers and text, which can be read again; "
            f"{error}"
        ) from error
    path.write_bytes(raw)


def load(path: Path, name: str) -> Any:
    """Return the regressor of a file that holds a `name` and what belongs to it, nothing else.

    Raises
    ------
    UnsafeFormatError
        If anything in the file is not on the list of that regressor; nothing was built.
    ModelFormatError
        If the file cannot be read.
    """
    import skops.io

    try:
        raw = path.read_bytes()
        trusted = check(raw, name, path.name)
        with warnings.catch_warnings():
            # Another version of scikit-learn: what it predicts is compared by the caller.
            warnings.simplefilter("ignore")
            # The very bytes that were checked: the file may change under us.
            return skops.io.loads(raw, trusted=trusted)
    except ModelFormatError:
        raise
    except (
        Exception
    ) as error:  # skops raises whatever the classes raise on a state that is not theirs
        raise ModelFormatError(
            f"path: expected a saved {name}, got {path.name} that cannot be read "
            f"({type(error).__name__}: {error})"
        ) from error


def check(raw: bytes, name: str, label: str) -> list[str]:
    """Check everything that a file would build, and return the classes in it.

    Raises
    ------
    UnsafeFormatError
        With what is not on the list of the regressor `name`.
    ModelFormatError
        If the bytes are no skops file.
    """
    if name not in _CLASSES:
        raise UnsafeFormatError(
            f"path: expected one of {', '.join(storable())}, got {name!r}; nothing was run"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as file:
            schema = json.loads(file.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, RecursionError) as error:
        raise ModelFormatError(f"path: expected a skops file, got {label}: {error}") from error
    classes = [c if c.startswith("numpy") else f"sklearn.{c}" for c in _CLASSES[name]]
    allowed = _PLAIN | {(_LOADERS.get(c, _object_loader(c)), c) for c in classes}
    nodes = list(_nodes(schema))
    found = {(str(n["__loader__"]), _class_of(n)) for n in nodes}
    foreign = sorted({f"{c} ({loader})" for loader, c in found - allowed})
    foreign += [problem for node in nodes for problem in _odd_state(node, name)]
    root = _class_of(schema) if isinstance(schema, dict) else type(schema).__name__
    if root not in (classes[0], "sklearn.multioutput.MultiOutputRegressor"):
        foreign.append(f"{root} as the model")
    if foreign:
        raise UnsafeFormatError(
            f"path: expected a {name} and what belongs to it, got {', '.join(foreign[:5])} in "
            f"{label}; nothing was run"
        )
    return sorted({c for _, c in found})


def _object_loader(name: str) -> str:
    return "LossNode" if name.startswith("sklearn._loss._loss.Cy") else "ObjectNode"


def _class_of(node: dict[str, Any]) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every description of an object, wherever it stands: more than skops would look at."""
    waiting = [tree]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            if "__loader__" in here:
                yield here
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)


def _odd_state(node: dict[str, Any], name: str) -> Iterator[str]:
    """Yield what a node of an allowed class must not hold."""
    loader = node["__loader__"]
    if loader == "NdArrayNode" and node.get("type") != "numpy" and name != _OBJECT_ARRAYS:
        yield "an array of objects"
    if loader == "RandomGeneratorNode":
        try:  # skops looks the generator's name up in numpy.random and calls what it finds
            text = node["content"]["bit_generator"]["content"]["bit_generator"]["content"]
        except (KeyError, TypeError):
            text = "no name"
        if text != '"PCG64"':
            yield f"a random generator {text}"


_OBJECT_ARRAYS = "GradientBoostingRegressor"  # keeps its trees in one
