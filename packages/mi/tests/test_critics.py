"""Every kind of critic and training finds the information, and files give the same numbers."""

import json
import pickle
import zipfile

import numpy as np
import pytest
import torch

from neuroloom import mi
from neuroloom.mi import exceptions as ex
from neuroloom.mi._critics.augment import augmented
from neuroloom.mi._critics.embeddings import make_embedding
from neuroloom.mi._options.params import Model
from neuroloom.shared import DataError

SMALL = {
    "n_epochs": 40,
    "n_inits": 1,
    "n_folds": 2,
    "hidden_dim": 16,
    "embedding_dim": 4,
    "learning_rate": 5e-3,
    "batch_size": 64,
    "nhead": 2,
}


def windows(n=600, width=6, seed=0):
    """Windows of two channels, and of one; both sides see one hidden value with noise."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((n, 1, 1))
    x = np.concatenate([hidden + np.zeros((n, 1, width)), np.zeros((n, 1, width))], axis=1)
    x += 0.3 * rng.standard_normal(x.shape)
    return x, hidden + 0.5 * rng.standard_normal((n, 1, 1)) + np.zeros((1, 1, width))


def train(x, y, options=None, **more):
    params = {**SMALL, **(options or {})}
    return mi.run(x, y, base_params=params, random_seed=0, verbose=False, **more)


CRITICS = {
    "bilinear": {"critic_type": "bilinear"},
    "concat": {"critic_type": "concat"},
    "hybrid": {"critic_type": "hybrid", "lr_head_multiplier": 2.0, "n_layers_head": 2},
    "concat_cnn": {"critic_type": "concat_cnn", "embedding_model": "cnn", "kernel_size": 3},
    "cnn": {"embedding_model": "cnn", "kernel_size": 3},
    "cnn2d": {"embedding_model": "cnn2d"},
    "gru": {"embedding_model": "gru"},
    "lstm": {"embedding_model": "lstm", "bidirectional": True, "n_layers": 1},
    "tcn": {"embedding_model": "tcn"},
    "transformer": {"embedding_model": "transformer", "n_layers": 1},
    "variational": {"use_variational": True},
    "spectral": {"use_spectral_norm": True},
    "layer norm": {"norm_layer": "layer", "dropout": 0.1},
    "batch norm": {"norm_layer": "batch"},
    "widths": {"hidden_dim": [16, 8]},
    "decoder": {"use_decoder": True, "decoder_weight": 0.1},
    "sgd": {"optimizer": "sgd", "optimizer_params": {"momentum": 0.9}, "learning_rate": 0.03},
    "rmsprop": {"optimizer": "rmsprop"},
    "adagrad": {"optimizer": "adagrad", "learning_rate": 0.03},
    "optimizer class": {"optimizer": torch.optim.NAdam},
    "plateau": {"scheduler": "plateau", "scheduler_params": {"patience": 3}},
    "scheduler class": {
        "scheduler": torch.optim.lr_scheduler.ExponentialLR,
        "scheduler_params": {"gamma": 0.9},
    },
    "warm-up": {"scheduler": "cosine_warmup", "gradient_clip_val": 1.0},
    "augmented": {"augmentation_params": {"gaussian_noise": 0.05}, "augmentation_params_y": {}},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CRITICS)
def test_every_critic_and_training_finds_the_information(name):
    result = train(*windows(), CRITICS[name])
    # ½ log₂(1 + 1 / (.25 + .09 / 6)) = 1.13 bits, for small critics and little data
    assert 0.45 < result.mi_estimate < 1.3
    assert np.isfinite(result.details["raw_results"][0]["train_mi"])


class Double(torch.nn.Module):
    """An embedding of a user's."""

    def __init__(self, input_dim, hidden_dim, embed_dim, n_layers):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Linear(input_dim, hidden_dim),
            torch.nn.Tanh(),
            torch.nn.Linear(hidden_dim, embed_dim),
        )

    def forward(self, x):
        return self.net(x)


class Own(torch.nn.Module):
    """A critic of a user's that pays a divergence."""

    def __init__(self):
        super().__init__()
        self.left, self.right = torch.nn.Linear(12, 8), torch.nn.Linear(6, 8)

    def forward(self, x, y):
        g, h = self.left(x.flatten(1)), self.right(y.flatten(1))
        return g @ h.T, g.square().mean()


@pytest.mark.slow
def test_custom_embedding_and_critic():
    x, y = windows()
    assert train(x, y, custom_embedding_cls=Double).mi_estimate > 0.5
    critic = Own()
    first = critic.left.weight.clone()
    assert train(x, y, custom_critic=critic).mi_estimate > 0.3
    assert torch.equal(critic.left.weight, first)


def test_images_need_an_embedding_that_takes_them():
    x = np.random.default_rng(0).standard_normal((80, 3, 8, 8))
    with pytest.raises(ex.DataShapeError, match="cnn2d"):
        train(x, x, {"embedding_model": "gru", "n_epochs": 1})
    assert make_embedding((3, 8, 8), Model(embedding_model="cnn2d"))(torch.zeros(2, 3, 8, 8)).shape


def test_backbone_of_torchvision_is_frozen():
    pytest.importorskip("torchvision")
    model = Model(
        embedding_model="pretrained_backbone", pytorch_predefined="resnet18", embedding_dim=4
    )
    network = make_embedding((16, 16), model)
    assert network(torch.zeros(2, 16, 16)).shape == (2, 4)
    assert [n for n, w in network.named_parameters() if w.requires_grad] == [
        "out.weight",
        "out.bias",
    ]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"augmentation_params": {"gausian_noise": 1}}, TypeError, "gaussian_noise"),
        ({"augmentation_params": {"custom": 3}}, TypeError, "function"),
        ({"hidden_dim": []}, ValueError, "widths"),
        ({"norm_layer": "group"}, ValueError, "layer"),
        ({"embedding_model": "pretrained_backbone"}, ValueError, "pytorch_predefined"),
        ({"optimizer_params": 3}, TypeError, "dict"),
        ({"use_decoder": 1}, TypeError, "True or False"),
    ],
)
def test_impossible_options_are_named(options, error, says):
    with pytest.raises(error, match=says):
        train(*windows(60), options)


def test_augmentations_change_batches_as_they_say():
    batch = torch.arange(24.0).reshape(2, 3, 4) + 1
    torch.manual_seed(0)
    assert torch.equal(augmented(batch, {}), batch)
    assert 0 < (augmented(batch, {"gaussian_noise": 0.1}) - batch).abs().max() < 1
    ratio = augmented(batch, {"intensity_scale": 0.5}) / batch
    assert torch.allclose(ratio, ratio[:, :1, :1].expand_as(ratio))
    assert ratio.min() >= 0.5
    assert augmented(batch, {"channel_dropout": 1.0}).abs().max() == 0
    moved = augmented(batch, {"time_shift": 2})
    assert torch.equal(moved.sort(-1).values, batch)
    assert torch.equal(augmented(batch, {"custom": lambda b: 2 * b}), 2 * batch)


SAVED = {
    "plain": {},
    "plain zscore": {"transform": "zscore", "baseline": False, "n_inits": 2},
    "plain raw": {"transform": "none"},
    "gru": {"embedding_model": "gru"},
    "hybrid": {"critic_type": "hybrid"},
    "variational": {"use_variational": True},
}


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_critic_gives_the_same_numbers(name, tmp_path):
    x, y = windows(300)
    path = tmp_path / "best.pt"
    params = {**SAVED[name], "n_epochs": 3}
    result = train(x, y, params, save_best_model_path=str(path))
    critic = mi.load_critic(path)
    test, fold = result.details["critic_test"], result.details["critic_fold"]
    row = result.details["raw_results"][fold]
    assert row["test_mi"] == max(r["test_mi"] for r in result.details["raw_results"])
    assert critic.mi(x[test], y[test]) == pytest.approx(row["test_mi"], abs=1e-5)
    np.testing.assert_allclose(
        critic.pointwise(x[test], y[test]), result.details["pointwise_mi"][test], atol=1e-4
    )
    with zipfile.ZipFile(tmp_path / "other.zip", "w"):
        pass
    assert not zipfile.is_zipfile(path)  # torch's own files are zips around a pickle


def test_embeddings_come_out_and_their_products_are_the_scores(tmp_path):
    x, y = windows(300)
    path = tmp_path / "critic.safetensors"
    result = train(x, y, {"n_epochs": 3}, return_embeddings=True, save_best_model_path=str(path))
    left, right = result.details["embeddings_x"], result.details["embeddings_y"]
    assert len(left) == len(right) == 300
    again_x, again_y = mi.extract_embeddings(path, x, y)
    np.testing.assert_array_equal(left, again_x)
    np.testing.assert_array_equal(right, again_y)
    scores = mi.load_critic(path).scores(x, y[:200])
    np.testing.assert_allclose(left @ right[:200].T, scores, rtol=1e-4, atol=1e-4)
    a, b = mi.extract_embeddings(path, x, y, rotate=True)
    shared = a.T @ b / len(a)
    off = shared - np.diag(np.diag(shared))
    assert np.abs(off).max() < 1e-3 * shared[0, 0]
    assert (np.diff(np.diag(shared)) <= 1e-6).all()


def test_a_custom_critic_is_needed_to_load_its_weights(tmp_path):
    x, y = windows(200)
    path = tmp_path / "own.safetensors"
    result = train(x, y, {"n_epochs": 2}, custom_critic=Own(), save_best_model_path=str(path))
    with pytest.raises(ex.OptionError, match="custom_critic"):
        mi.load_critic(path)
    critic = mi.load_critic(path, custom_critic=Own())
    test = result.details["critic_test"]
    row = result.details["raw_results"][result.details["critic_fold"]]
    assert critic.mi(x[test], y[test]) == pytest.approx(row["test_mi"], abs=1e-5)
    with pytest.raises(ex.OptionError, match="embeddings"):
        critic.embed(x, y)


def test_files_with_a_pickle_inside_are_refused(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was run",))

    pickled = tmp_path / "critic.safetensors"
    pickled.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ex.InvalidDataError, match="nothing was run"):
        mi.load_critic(pickled)
    with pytest.raises(DataError):
        mi.Results.load(pickled)
    hidden = tmp_path / "results.npz"
    header = np.array(json.dumps({"kind": "mi-results", "version": 1}))
    np.savez(hidden, header=header, r=np.array([Bomb()], dtype=object))
    with pytest.raises(DataError):
        mi.Results.load(hidden)
    with pytest.raises(ex.InvalidDataError, match="existing file"):
        mi.load_critic(tmp_path / "none")


def test_a_saved_result_gives_the_same_numbers(tmp_path):
    x, y = windows(300)
    result = train(x, y, {"n_epochs": 2}, n_permutations=5)
    sweep = train(x, y, {"n_epochs": 1}, mode="sweep", sweep_grid={"embedding_dim": [2, 4]})
    for number, one in enumerate((result, sweep)):
        again = mi.Results.load(one.save(tmp_path / f"{number}.npz"))
        assert again.mi_estimate == one.mi_estimate
        assert again.params == one.params
        assert str(again) == str(one)
        assert again.to_frame().equals(one.to_frame())
        assert again.plot().get_xlabel() == one.plot().get_xlabel()
    again = mi.Results.load(tmp_path / "0.npz")
    np.testing.assert_array_equal(again.details["pointwise_mi"], result.details["pointwise_mi"])
    assert again.p_value == result.p_value
