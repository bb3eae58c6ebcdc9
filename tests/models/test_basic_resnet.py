"""basic_resnet: the published small ResNet, to the parameter."""

import pytest

from stages.core.images.packs import Statistics
from stages.core.layout import PROJECT
from stages.core.settings.entries import entry
from stages.core.settings.params import read_yaml

pytestmark = pytest.mark.slow


def test_the_published_network_has_about_2_9_million_parameters():
    """Stem, six blocks, three ways around that change size, and 1,024 values into 100 classes: counted by hand."""
    item = entry(
        "models", "published", read_yaml(PROJECT / "recipes/generated100_resnet10.yaml")["models"]["published"]
    )
    model = item.module("models").build(item.options, (64, 64, 3), 100, Statistics([0.0] * 3, [1.0] * 3))

    def norm(n):
        return 4 * n

    def block(n_in, n):
        around = n_in * n + norm(n) if n_in != n else 0
        return 9 * n_in * n + 9 * n * n + 2 * norm(n) + around

    blocks = sum(block(*pair) for pair in ((64, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)))
    assert model.count_params() == 9 * 3 * 64 + norm(64) + blocks + 2 * 2 * 256 * 100 + 100 == 2_882_084
