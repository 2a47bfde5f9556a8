"""FashionNet: the paper's layer table, and what flows where."""

from __future__ import annotations

import gc
import math

import pytest
import torch
from torch import Tensor, nn

from wearabouts.models.fashionnet import PAPER, FashionNet, Sizes
from wearabouts.models.trunks import trunk

SMALL = Sizes(pose=24, whole=32, local=16, fused=40, window=4, pooled=2)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiny(seed: int = 0, sizes: Sizes = SMALL, **options: object) -> FashionNet:
    torch.manual_seed(seed)
    heads = {"categories": 5, "attributes": {"color": 3}, "tags": 4} | options
    return FashionNet(trunk("small", width=8), 32, sizes, **heads).eval()


def weights(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def convolution(inputs: int, outputs: int) -> int:
    return 9 * inputs * outputs + outputs


def test_the_papers_layer_table_and_a_step_at_full_size() -> None:
    net = FashionNet(trunk("vgg16"), 224, PAPER, categories=50, tags=1000)
    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str):
        def hook(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
            shapes[name] = tuple(made.shape[1:])

        return hook

    for name in ("trunk.below", "trunk.above", "pose.conv5", "pose.fc6", "pose.fc7", "pose.loc", "pose.vis"):
        net.get_submodule(name).register_forward_hook(note(name))
    for name in ("fc6_global", "fc6_local", "fc7_fusion", "category", "tags"):
        net.get_submodule(name).register_forward_hook(note(name))
    seen = net(torch.rand(1, 3, 224, 224))
    assert shapes == {
        "trunk.below": (512, 28, 28),
        "trunk.above": (512, 14, 14),
        "pose.conv5": (512, 14, 14),
        "pose.fc6": (1024,),
        "pose.fc7": (1024,),
        "pose.loc": (16,),
        "pose.vis": (16,),
        "fc6_global": (4096,),
        "fc6_local": (1024,),
        "fc7_fusion": (4096,),
        "category": (50,),
        "tags": (1000,),
    }
    assert net.dim == 4096
    conv4 = sum(convolution(*each) for each in ((3, 64), (64, 64), (64, 128), (128, 128), (128, 256)))
    conv4 += 2 * convolution(256, 256) + convolution(256, 512) + 2 * convolution(512, 512)
    conv5 = 3 * convolution(512, 512)
    table = {
        "trunk": conv4 + conv5,
        "pose": conv5 + linear(7 * 7 * 512, 1024) + linear(1024, 1024) + 2 * linear(1024, 16),
        "fc6_global": linear(7 * 7 * 512, 4096),
        "fc6_local": linear(4 * 4 * 512 * 8, 1024),
        "fc7_fusion": linear(4096 + 1024, 4096),
        "category": linear(4096, 50),
        "tags": linear(4096, 1000),
    }
    assert {name: weights(net.get_submodule(name)) for name in table} == table
    assert weights(net) == sum(table.values())
    # The four large layers as the supplement's sizes give them, in millions of weights.
    large = (net.fc6_local, net.fc6_global, net.fc7_fusion, net.pose.fc6)
    assert [round(next(each.parameters()).numel() / 1e6, 1) for each in large] == [67.1, 102.8, 21.0, 25.7]

    loss = seen.vector.sum() + seen.category.sum() + seen.tags.sum() + seen.places.sum() + seen.visible.sum()
    loss.backward()
    dead = [name for name, each in net.named_parameters() if each.grad is None]
    assert not dead
    assert all(math.isfinite(float(each.grad.sum())) for each in net.parameters())  # a mask of it would need memory
    assert net.trunk.below[0].weight.grad.abs().sum() > 0
    del net, seen, loss, large
    gc.collect()


def test_the_printed_tables_four_landmarks_are_a_setting() -> None:
    net = tiny(landmarks=4)
    seen = net(torch.rand(2, 3, 32, 32))
    assert seen.places.shape == (2, 4, 2)
    assert net.pose.loc.out_features == 8
    assert net.fc6_local[0].in_features == 4 * 8 * 2 * 2


def test_a_photo_becomes_everything_that_was_asked_for() -> None:
    seen = tiny()(torch.rand(3, 3, 32, 32))
    assert seen.vector.shape == (3, 40)
    assert torch.allclose(seen.vector.norm(dim=1), torch.ones(3), atol=1e-6)
    assert seen.category.shape == (3, 5)
    assert seen.attributes["color"].shape == (3, 3)
    assert seen.tags.shape == (3, 4)
    marks = seen.landmarks()
    assert marks.shape == (3, 8, 3)
    assert torch.equal(marks[..., :2], seen.places)
    assert torch.all((marks[..., 2] > 0) & (marks[..., 2] < 1))
    assert tiny(sizes=SMALL._replace(dim=6))(torch.rand(1, 3, 32, 32)).vector.shape == (1, 6)


def test_without_pooling_there_is_no_local_branch_and_landmarks_change_nothing() -> None:
    net = tiny(pooling="none")
    assert net.fc6_local is None
    assert net.fc7_fusion[0].in_features == SMALL.whole
    photos = torch.rand(2, 3, 32, 32)
    assert torch.equal(net(photos).vector, net(photos, torch.rand(2, 8, 3)).vector)
    bare = tiny(pooling="none", pose=False)(photos)
    assert bare.places is None
    assert bare.landmarks() is None
    with pytest.raises(ValueError, match="pose"):
        tiny(pose=False)


def test_truth_is_pooled_where_it_is_known_and_the_prediction_elsewhere() -> None:
    net, photos = tiny(), torch.rand(3, 3, 32, 32)
    predicted = net(photos)
    truth = torch.rand(3, 8, 3, generator=torch.Generator().manual_seed(5))
    truth[..., 2] = 1
    truth[1] = float("nan")
    given = net(photos, truth)
    same = (given.vector - predicted.vector).abs().amax(1) < 1e-6
    assert same.tolist() == [False, True, False]
    as_predicted = torch.cat([predicted.places, (predicted.visible.argmax(-1))[..., None].float()], -1)
    assert torch.allclose(net(photos, as_predicted).vector, predicted.vector, atol=1e-6)


def test_hidden_landmarks_leave_the_vector_alone() -> None:
    net, photos = tiny(), torch.rand(1, 3, 32, 32)
    one, other = torch.rand(1, 8, 3), torch.rand(1, 8, 3)
    one[..., 2] = other[..., 2] = 0
    assert torch.equal(net(photos, one).vector, net(photos, other).vector)
    other[..., 2] = 1
    assert not torch.allclose(net(photos, one).vector, net(photos, other).vector)


def test_recognition_does_not_reach_the_pose_branch_and_pose_reaches_the_trunk() -> None:
    net, photos = tiny(), torch.rand(2, 3, 32, 32)
    seen = net(photos)
    (seen.vector[:, 0].sum() + seen.category.square().sum()).backward()
    assert all(each.grad is None for each in net.pose.parameters())
    assert net.trunk.below[0].conv.weight.grad.abs().sum() > 0
    net.zero_grad(set_to_none=True)
    net(photos).places.square().sum().backward()
    assert net.fc6_global[0].weight.grad is None
    assert net.trunk.below[0].conv.weight.grad.abs().sum() > 0
