"""Asking a model about many images: in order, a few at a time, and an image that can't be read is an answer."""

import threading

import numpy as np
import pytest

from stages.core.errors import UserError
from stages.core.ingest.source import Member
from stages.core.serving.streaming import AHEAD, DECODED, PREDICTED, answers
from tests.core.serving.asked import ByLight, member, model, picture


def test_every_image_is_answered_in_order():
    """More images than a batch and than are decoded ahead, each with its own answer."""
    lights = np.arange(1000) % 256
    found = list(answers(model(), [member(str(at), picture(light)) for at, light in enumerate(lights)]))

    assert [answer.name for answer in found] == [str(at) for at in range(1000)]
    said = np.stack([answer.probabilities for answer in found])
    expected = ByLight().predict(lights[:, None, None, None].astype(np.uint8))
    np.testing.assert_array_equal(said, expected)
    assert all((answer.pixels == light).all() for answer, light in zip(found, lights, strict=True))


def test_an_unreadable_image_is_an_answer_of_its_own():
    """Damaged bytes, a file that is gone, an archive's damaged member: the others are answered."""

    def gone():
        raise FileNotFoundError(2, "No such file")

    def damaged():
        raise UserError("member 'x' is damaged")

    images = [member("a", b"no image"), Member("b", gone), Member("c", damaged), member("d", picture(255))]
    found = list(answers(model(), images))

    assert [answer.probabilities is None for answer in found] == [True, True, True, False]
    assert "can be read" in found[0].error and "No such file" in found[1].error and "damaged" in found[2].error
    assert [answer.probabilities is None for answer in answers(model(), images[:2])] == [True, True]


@pytest.mark.parametrize("n_cores", [1, 2])
def test_only_a_few_images_are_read_ahead(monkeypatch, n_cores):
    """While the reader of the answers waits, no more than the tasks ahead and a batch are in memory."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(n_cores)))
    n_read, lock, data = 0, threading.Lock(), picture(7)

    def read():
        nonlocal n_read
        with lock:
            n_read += 1
        return data

    asked = answers(model(), [Member(str(at), read) for at in range(20_000)])
    next(asked)
    asked.close()

    assert n_read <= PREDICTED + (n_cores * AHEAD + 1) * DECODED


def test_no_images_are_no_answers():
    """Nothing asked, nothing said."""
    assert list(answers(model(), [])) == []
