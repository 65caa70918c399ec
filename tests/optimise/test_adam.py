"""Adam against PyTorch's."""

import numpy as np
import torch

from vertumnus.optimise.adam import Adam


def test_the_same_steps_as_pytorch():
    rng = np.random.default_rng(0)
    adam = Adam((0.8, 0.95))
    ours = np.zeros((3, 5))
    theirs = torch.zeros(3, 5, dtype=torch.float64, requires_grad=True)
    peer = torch.optim.Adam([theirs], lr=0.1, betas=(0.8, 0.95), eps=1e-6)
    for _ in range(20):
        gradient = rng.normal(size=(3, 5))
        ours += 0.1 * adam.direction("pose", gradient)
        theirs.grad = torch.tensor(gradient)
        peer.step()
    np.testing.assert_allclose(ours, theirs.detach().numpy(), atol=1e-12)


def test_forgetting_starts_a_column_afresh():
    adam = Adam()
    adam.direction("form", np.ones((2, 3)))
    adam.forget(np.array([1]))
    assert not adam.mean["form"][:, 1].any()
    assert adam.mean["form"][:, [0, 2]].all()


def test_no_mean_is_larger_than_its_square_allows():
    """The bound holds for the gradients that come nearest to it, each as large as its weight in the mean over that in
    the mean of squares, and they come near.
    """
    adam = Adam((0.8, 0.95))
    for n in range(60):
        adam.direction("pose", np.full((1, 1), (0.95 / 0.8) ** n))
    mean, square = adam.mean["pose"].item(), adam.square["pose"]
    assert 0.5 * adam.most_mean(square).item() < mean <= adam.most_mean(square).item()
