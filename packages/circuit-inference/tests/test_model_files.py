"""Files run nothing: what a saved model may hold, and what its own regressors come back as."""

import io
import json
import operator
import os
import subprocess
import sys
import zipfile
from functools import partial

import numpy as np
import pytest

from neuroloom.circuit_inference import Inferer, ModelFormatError, Prior, UnsafeFormatError
from neuroloom.circuit_inference._estimators import build
from neuroloom.circuit_inference._estimators.sklearn_files import check, storable
from neuroloom.shared import Seed

pytest.importorskip("skops")
import skops.io
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingRegressor,
    GradientBoostingRegressor,
    VotingRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor, kernels
from sklearn.linear_model import LinearRegression, RANSACRegressor, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVR
from sklearn.utils._testing import assert_run_python_script_without_output

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
Y = np.abs(X @ RNG.standard_normal((3, 2))) + 0.1
RIDGE = Ridge().fit(X, Y)


def with_attributes(model, **attributes):
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


def objects(*items):
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out


def ridge(**attributes):
    return with_attributes(Ridge().fit(X, Y), **attributes)


def script(marker):
    return f"open({str(marker)!r}, 'w').write('ran')"


def gadgets(marker):
    """Return fitted or fitted-looking objects that run or call something, by what they use."""
    text = script(marker)
    fill = FunctionTransformer(np.full_like, kw_args={"fill_value": text, "dtype": "O"})
    take = FunctionTransformer(np.take, kw_args={"indices": 0})
    run = FunctionTransformer(assert_run_python_script_without_output)
    load = FunctionTransformer(np.load, kw_args={"allow_pickle": True})
    chain = make_pipeline(fill, take, run, RIDGE)
    return {
        "pipeline of transformers": chain,
        "nested pipelines": make_pipeline(StandardScaler().fit(X), chain),
        "one transformer as the model": run,
        "a trusted ufunc in a transformer": make_pipeline(FunctionTransformer(np.exp), RIDGE),
        "numpy.load": make_pipeline(load, RIDGE),
        "numpy.savetxt": FunctionTransformer(partial(np.savetxt, str(marker))),
        "a union": FeatureUnion([("a", run), ("b", take)]),
        "a partial": ridge(predict=partial(os.system, "true")),
        "a partial of exec": ridge(predict=partial(exec, text)),
        "a builtin": ridge(predict=eval),
        "a module's function": ridge(predict=subprocess.getoutput),
        "a numpy function": ridge(predict=np.fromfile),
        "a ufunc": ridge(predict=np.add),
        "a sklearn helper": ridge(predict=assert_run_python_script_without_output),
        "an itemgetter": ridge(predict=operator.itemgetter(0)),
        "a methodcaller": ridge(predict=operator.methodcaller("tofile", str(marker))),
        "a bound method": ridge(predict=X.tofile),
        "a class": ridge(predict=subprocess.Popen),
        "a class of scikit-learn": ridge(predict=Pipeline),
        "functions in a dict": ridge(_more={"deep": [(np.full_like,)]}),
        "functions in an array of objects": ridge(coef_=objects(np.exp, np.log)),
        "an array of objects": ridge(coef_=objects(1.0, None)),
        "weights of neighbours": with_attributes(
            KNeighborsRegressor().fit(X, Y), weights=np.fromfile
        ),
        "a metric": with_attributes(
            KNeighborsRegressor(algorithm="brute").fit(X, Y), metric=np.savetxt
        ),
        "a kernel": with_attributes(SVR().fit(X, Y[:, 0]), kernel=np.savetxt),
        "another kernel's function": GaussianProcessRegressor(
            kernels.PairwiseKernel(metric="linear")
        ).fit(X, Y),
        "a target transformed": TransformedTargetRegressor(
            LinearRegression(), func=np.log, inverse_func=np.exp
        ).fit(X, Y),
        "a vote": VotingRegressor([("a", LinearRegression()), ("b", Ridge())]).fit(X, Y[:, 0]),
        "bagged pipelines": with_attributes(
            BaggingRegressor(n_estimators=2).fit(X, Y[:, 0]), estimators_=[chain, chain]
        ),
        "a boosting of something else": with_attributes(
            GradientBoostingRegressor(n_estimators=2).fit(X, Y[:, 0]), init_=chain
        ),
        "a consensus of something else": with_attributes(
            RANSACRegressor(random_state=0).fit(X, Y[:, 0]), estimator_=chain
        ),
        "a generator": ridge(random_state=np.random.Generator(np.random.MT19937(1))),
        "a masked array": ridge(coef_=np.ma.masked_array(X, X > 0)),
        "a dtype": ridge(dtype=np.dtype("f8")),
        "a slice": ridge(part=slice(0, 1)),
        "bytes": ridge(part=b"\x80\x04."),
    }


def schemas(marker):
    """Return files that no version of skops writes: descriptions of objects made by hand."""
    whole = json.loads(zipfile.ZipFile(io.BytesIO(skops.io.dumps(RIDGE))).read("schema.json"))

    def replaced(value, **node):
        new = json.loads(json.dumps(whole))
        new["content"]["content"]["alpha"] = {"__id__": 99, **node, "content": value}
        return new

    def function(module, name):
        return {"__class__": name, "__module__": module, "__loader__": "FunctionNode"}

    one = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "1"}
    generator = {"__class__": "Generator", "__module__": "numpy.random._generator"}
    state = {
        "bit_generator": {
            **{"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode"},
            "key_types": one,
            "content": {"bit_generator": {**one, "content": '"seed"'}},
        },
        "seed_seq": one,
    }
    yield (
        "Ridge",
        "a type that is a function",
        replaced(None, __class__="eval", __module__="builtins", __loader__="TypeNode"),
    )
    yield (
        "Ridge",
        "a dict of another class",
        replaced({}, __class__="Popen", __module__="subprocess", __loader__="DictNode"),
    )
    yield (
        "Ridge",
        "a list of another class",
        replaced([one], __class__="system", __module__="os", __loader__="ListNode"),
    )
    yield (
        "Ridge",
        "an array of another class",
        replaced(None, __class__="memmap", __module__="numpy", __loader__="NdArrayNode"),
    )
    yield (
        "Ridge",
        "a reduction",
        replaced(
            one, __class__="Popen", __module__="subprocess", __loader__="ConstructorFromReduceNode"
        ),
    )
    yield "Ridge", "a description within a description", replaced(
        {"__class__": "str", "content": function("os", "system")},
        __class__="dict", __module__="builtins", __loader__="JsonNode",
    )  # fmt: skip
    yield (
        "Ridge",
        "a tree in a line",
        replaced(one, __class__="Tree", __module__="sklearn.tree._tree", __loader__="TreeNode"),
    )
    yield (
        "HistGradientBoostingRegressor",
        "numpy.random.seed as a generator",
        replaced(state, **generator, __loader__="RandomGeneratorNode"),
    )
    yield (
        "Ridge",
        "a loader that is none",
        replaced(one, __class__="a", __module__="b", __loader__="c"),
    )


def as_file(schema):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


class TestFilesRunNothing:
    def test_gadgets_are_refused(self, tmp_path):
        marker, n = tmp_path / "marker", 0
        for label, gadget in gadgets(marker).items():
            try:
                raw = skops.io.dumps(gadget)
            except Exception:
                continue
            n += 1
            names = {"Ridge", type(gadget).__name__} & set(storable())
            for name in names:
                (tmp_path / "model-0.skops").write_bytes(raw)
                with pytest.raises(UnsafeFormatError, match="nothing was run"):
                    type(build("Ridge")).load(
                        tmp_path, {"name": name, "n_models": 1, "flat": False}
                    )
                assert not marker.exists(), label
        assert n >= 30

    def test_descriptions_made_by_hand_are_refused(self, tmp_path):
        for name, label, schema in schemas(tmp_path / "marker"):
            with pytest.raises(UnsafeFormatError, match="nothing was run"):
                check(as_file(schema), name, label)

    def test_a_regressor_of_another_name(self):
        with pytest.raises(UnsafeFormatError, match="KernelRidge"):
            check(skops.io.dumps(RIDGE), "KernelRidge", "file")
        with pytest.raises(UnsafeFormatError, match="Pipeline"):
            check(skops.io.dumps(RIDGE), "Pipeline", "file")

    @pytest.mark.parametrize("raw", [b"", b"PK", b"x" * 100, as_file([]), as_file({"a": 1})])
    def test_no_skops_file(self, raw, tmp_path):
        (tmp_path / "model-0.skops").write_bytes(raw)
        with pytest.raises(ModelFormatError):
            type(build("Ridge")).load(tmp_path, {"name": "Ridge", "n_models": 1, "flat": False})

    def test_the_list_holds_no_way_to_a_function(self):
        # What calls, looks up or composes functions in skops must never be among the loaders.
        from neuroloom.circuit_inference._estimators import sklearn_files as files

        loaders = {loader for loader, _ in files._PLAIN} | set(files._LOADERS.values())
        assert loaders <= {
            *("DictNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode", "TupleNode"),
            *("RandomGeneratorNode", "RandomStateNode", "TreeNode", "TypeNode"),
        }
        classes = {c for parts in files._CLASSES.values() for c in parts}
        for word in ("Pipeline", "Transformer", "Union", "partial", "testing", "utils"):
            assert not any(word in name for name in classes)


OPTIONS = {
    "MLPRegressor": {"max_iter": 5},
    "RandomForestRegressor": {"n_estimators": 3},
    "ExtraTreesRegressor": {"n_estimators": 3},
    "AdaBoostRegressor": {"n_estimators": 3},
    "BaggingRegressor": {"n_estimators": 3},
    "GradientBoostingRegressor": {"n_estimators": 3},
    "HistGradientBoostingRegressor": {"max_iter": 3},
    "CCA": {"n_components": 1},
    "PLSCanonical": {"n_components": 1},
    "RadiusNeighborsRegressor": {"radius": 3.0},
}
# BLAS sums in another order for arrays at other addresses: predict(x.copy()) differs already.
ALIGNMENT = {"KernelRidge", "GaussianProcessRegressor"}
ONE_OUTPUT = {"ElasticNetCV", "LassoCV", "IsotonicRegression"}


class TestOwnModels:
    @pytest.mark.parametrize("name", storable())
    @pytest.mark.filterwarnings("ignore")
    def test_every_regressor_comes_back_to_the_bit(self, name, tmp_path):
        x = X[:, :1] if name == "IsotonicRegression" else X
        for theta in [Y[:, :1]] if name in ONE_OUTPUT else [Y[:, :1], Y]:
            if theta.shape[1] == 1 and name.startswith("MultiTask"):
                continue
            model = build(name, OPTIONS.get(name)).fit(x, theta, seed=Seed(1))
            again = type(model).load(tmp_path, json.loads(json.dumps(dict(model.save(tmp_path)))))
            if name in ALIGNMENT:
                np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-9)
            else:
                np.testing.assert_array_equal(again.predict(x), model.predict(x))

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("MLPRegressor", {"solver": "sgd", "max_iter": 5}),
            ("KNeighborsRegressor", {"algorithm": "ball_tree", "metric": "manhattan"}),
            ("KNeighborsRegressor", {"algorithm": "brute"}),
            ("HistGradientBoostingRegressor", {"loss": "gamma", "max_iter": 3}),
            ("GradientBoostingRegressor", {"loss": "huber", "n_estimators": 3}),
            ("TweedieRegressor", {"power": 1.5}),
        ],
    )
    @pytest.mark.filterwarnings("ignore")
    def test_their_options_too(self, name, options, tmp_path):
        model = build(name, options).fit(X, Y[:, :1], seed=Seed(1))
        again = type(model).load(tmp_path, dict(model.save(tmp_path)))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))

    def test_what_cannot_be_read_again_is_not_saved(self, tmp_path):
        model = build("KNeighborsRegressor", {"weights": np.exp}).fit(X, Y, seed=Seed(0))
        with pytest.raises(ModelFormatError, match=r"numpy\.exp"):
            model.save(tmp_path)
        model = build("TransformedTargetRegressor").fit(X, Y, seed=Seed(0))
        with pytest.raises(ModelFormatError, match="can be saved"):
            model.save(tmp_path)

    def test_other_predictions_are_told(self, tmp_path):
        model = build("Ridge").fit(X, Y, seed=Seed(0))
        header = json.loads(json.dumps(dict(model.save(tmp_path))))
        header["example"]["y"][0][0] += 0.1
        header["scikit-learn"] = "0.1"
        with pytest.raises(ModelFormatError, match=r"others; it was written by scikit-learn 0\.1"):
            type(model).load(tmp_path, header)


class TestMalformedHeaders:
    @pytest.mark.parametrize("model", ["Ridge", "mdn"])
    def test_every_damage_is_our_error(self, model, tmp_path):
        from neuroloom.circuit_inference._inference import files as files

        options = {} if model == "Ridge" else {"n_folds": 0, "n_members": 1, "max_epochs": 1}
        prior = Prior.box({"a": (0, 1)})
        theta = RNG.random((60, 1))
        saved = Inferer(model, prior, hyperparams=options).fit(X, theta).save(tmp_path / "m")
        whole = json.loads((saved / "model.json").read_text())

        def attempt(header):
            if isinstance(header, dict):
                header["digest"] = files._digest(header)
            (saved / "model.json").write_text(json.dumps(header))
            with pytest.raises(ModelFormatError):
                Inferer.load(saved)

        for strange in ([], "text", 3, None, {}):
            attempt(strange)
        for key in set(whole) - {"version", "digest", "feature_set"}:
            for value in (None, [], {}, "text", [{}]):
                plausible = (key, value) in (("feature_digest", "text"), ("hyperparams", {}))
                if not plausible and value != whole[key]:
                    attempt({**whole, key: value})
            attempt({k: v for k, v in whole.items() if k != key})
        for key in set(whole["estimator"]) - {
            *("example", "flat", "options", "recalibration", "scikit-learn"),
        }:
            for value in (None, [], {}, "text"):
                attempt({**whole, "estimator": {**whole["estimator"], key: value}})


@pytest.mark.slow
def test_the_check_does_not_import_what_it_refuses(tmp_path):
    # A file may name any module: naming must not import it.
    node = {"__class__": "Loud", "__module__": "loud", "__loader__": "ObjectNode", "content": None}
    (tmp_path / "loud.py").write_text("import pathlib; pathlib.Path('marker').write_text('ran')")
    (tmp_path / "model-0.skops").write_bytes(as_file(node))
    code = (
        "from neuroloom.circuit_inference._estimators import build\n"
        "from pathlib import Path\n"
        "try:\n"
        "    type(build('Ridge')).load(Path('.'), {'name': 'Ridge', 'n_models': 1, 'flat': True})\n"
        "except ValueError as error:\n"
        "    print('refused', type(error).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["refused", "UnsafeFormatError"]
    assert not (tmp_path / "marker").exists()
