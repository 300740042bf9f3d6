"""Trainings of `gpu.py`: scanvote's networks with Keras on JAX, and the same U-Net in PyTorch."""

import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from children import Failed

ROOT = Path(__file__).parents[1]


class Row(NamedTuple):
    """One line of the table: what is trained, and how.

    Attributes:
        precision: Keras's dtype policy.
        variant: "", or what differs from the plain training.
        copies: trainings at once, each in a process.
    """

    network: str
    framework: str
    precision: str = "float32"
    variant: str = ""
    copies: int = 1

    def text(self) -> str:
        copies = f"{self.copies} trainings at once" if self.copies > 1 else ""
        parts = (self.framework, self.precision, self.variant, copies)
        return f"{self.network}: " + ", ".join(filter(None, parts))


UNET, LITE0, JAX, TORCH, MIXED = "U-Net", "Lite0", "JAX", "PyTorch", "mixed_bfloat16"
COMPILED, GRAPHS = "compiled, channels last", "compiled, channels last, CUDA graphs"
AUGMENTED, FREE_ORDER = "augmented on the CPU", "without deterministic operations"


class Sizes(NamedTuple):
    """Sizes of the images and lengths of the measurements.

    Attributes:
        images: number of images of an epoch.
        seconds: time that is measured, after the first epochs.
        row_limit: seconds until a row must have its result.
        limit: seconds for all rows.
    """

    unet: int = 256
    lite0: int = 224
    images: int = 1024
    seconds: float = 8
    unet_batch: int | None = None
    row_limit: float = 120
    limit: float = 480
    tiny: bool = False


class Result(NamedTuple):
    speed: float
    peak: int
    parameters: int
    batch: int


class Task(NamedTuple):
    """A network and what its training needs."""

    model: Any
    loss: Any
    lr: float
    config: Any
    images: Any
    targets: Any
    bounds: Any


def params_of(sizes: Sizes, recipe: str = "") -> Any:
    """params.yaml with the changes of a recipe."""
    from scanvote.params import load_values, validate, with_changes

    values = load_values(ROOT / "params.yaml")
    if sizes.unet_batch:
        values["unet"]["batch_size"] = sizes.unet_batch
    if recipe:
        values = with_changes(values, load_values(ROOT / f"recipes/{recipe}.yaml")["params"])
    return validate(values, recipe or "params.yaml")


def discs(count: int, side: int, channels: int) -> tuple[Any, Any]:
    """Noise with a disc, and masks of the discs: uint8 (n, H, W, C) and (n, H, W, 1)."""
    import cv2
    import numpy as np

    random = np.random.default_rng(1)
    images = random.integers(0, 60, (count, side, side, channels), np.uint8)
    masks = np.zeros((count, side, side), np.uint8)
    for mask in masks:
        centre = random.integers(side // 4, 3 * side // 4, 2).tolist()
        cv2.circle(mask, centre, side // 8, 1, -1)
    return images + 120 * masks[..., None], masks[..., None]


def unet_task(sizes: Sizes) -> Task:
    from scanvote.models import unet
    from scanvote.models.input_spec import InputSpec
    from scanvote.models.losses import LOSSES

    params = params_of(sizes)
    names = ("filters", "normalisation", "block", "attention", "dropout", "loss")
    values = {name: getattr(params.unet, name)[0] for name in names}
    channels = params.prepare.segmentation.channels
    model = unet.build(values, InputSpec((sizes.unet, sizes.unet, channels), 1), params.unet)
    images, masks = discs(sizes.images, sizes.unet, channels)
    config, loss = params.unet.training(), LOSSES[values["loss"]]
    return Task(model, loss, params.lr, config, images, masks, None)


def lite0_task(sizes: Sizes) -> Task:
    """The network of best_4class, with random weights, which do not change its speed."""
    import numpy as np

    from scanvote.models import transfer
    from scanvote.models.input_spec import InputSpec
    from scanvote.models.losses import class_loss

    params = params_of(sizes, "best_4class")
    section = params.transfer.model_copy(update={"weights": "none"})
    names = {"backbone": "backbones", "pooling": "pooling", "units": "units", "dropout": "dropout"}
    values = {name: getattr(section, key)[0] for name, key in names.items()}
    model = transfer.build(values, InputSpec((sizes.lite0, sizes.lite0, 3), 4), section)
    transfer.unfreeze(model, section.thaw)
    loss = class_loss(params.search.loss, 4, params.search.label_smoothing)
    targets = np.eye(4, dtype=np.float32)[np.arange(sizes.images) % 4]
    images = discs(sizes.images, sizes.lite0, 3)[0]
    config, bounds = params.search.training(), params.prepare.augment
    return Task(model, loss, params.lr, config, images, targets, bounds)


TASKS = {UNET: unet_task, LITE0: lite0_task}


class Training(NamedTuple):
    """A training that is ready to run.

    Attributes:
        epoch: runs an epoch, and waits until the device has finished it.
        peak: returns the peak memory of the device so far in bytes, None on a CPU.
    """

    epoch: Callable[[], None]
    peak: Callable[[], int | None]
    parameters: int
    images: int
    batch: int


def jax_training(row: Row, sizes: Sizes) -> Training:
    """Prepare a training as `scanvote.training.loop` runs it."""
    keras = keras_on_jax(row.variant != FREE_ORDER)
    import jax

    from scanvote.core.backend import as_dataset
    from scanvote.training import Schedule
    from scanvote.training.batches import Batches, Change

    keras.config.set_dtype_policy(row.precision)
    task = TASKS[row.network](sizes)
    optimizer = Schedule(task.lr, task.config, "loss").optimizer()
    task.model.compile(optimizer=optimizer, loss=task.loss)
    change = Change(task.bounds) if row.variant == AUGMENTED else None
    batches = Batches(task.images, task.config.batch_size, task.targets, change=change)
    fed = as_dataset(batches)

    def epoch() -> None:
        batches.start_epoch(1)
        task.model.fit(fed, steps_per_epoch=len(batches), verbose=0, shuffle=False)
        jax.block_until_ready([variable.value for variable in task.model.variables])

    def peak() -> int | None:
        stats = jax.devices()[0].memory_stats()
        return int(stats["peak_bytes_in_use"]) if stats else None

    parameters = task.model.count_params()
    return Training(epoch, peak, parameters, len(task.images), task.config.batch_size)


def keras_on_jax(deterministic: bool) -> Any:
    """Import Keras; scanvote always asks XLA for deterministic operations."""
    from scanvote.core.backend import use_backend

    use_backend("jax")
    if not deterministic:
        os.environ["XLA_FLAGS"] = ""
    import keras

    keras.utils.set_random_seed(1)
    return keras


def torch_training(row: Row, sizes: Sizes) -> Training:
    import torch

    params = params_of(sizes)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = torch_unet(params).to(device, memory_format=layout(row))
    adam = torch.optim.Adam(network.parameters(), params.lr, eps=1e-7, fused=True)
    images, masks = discs(sizes.images, sizes.unet, params.prepare.segmentation.channels)
    size, step = params.unet.batch_size, loss_function(network, row, device)

    def epoch() -> None:
        total = torch.zeros((), device=device)
        for rows in shuffled(sizes.images, size):
            batch = (torch.from_numpy(part[rows]).to(device) for part in (images, masks))
            adam.zero_grad()
            loss = step(*batch)
            loss.backward()
            adam.step()
            total += loss.detach()
        total.item()  # waits for the device

    def peak() -> int | None:
        return torch.cuda.max_memory_allocated() if device == "cuda" else None

    return Training(epoch, peak, count(network), sizes.images, size)


def torch_unet(params: Any) -> Any:
    from torch_unet import TorchUnet

    channels, section = params.prepare.segmentation.channels, params.unet
    return TorchUnet(channels, section.filters[0], section.dropout[0])


def count(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def layout(row: Row) -> Any:
    import torch

    return torch.channels_last if row.variant else torch.contiguous_format


def loss_function(network: Any, row: Row, device: str) -> Callable[..., Any]:
    """Return the loss of a batch of images and masks, uint8 (n, H, W, C)."""
    import torch
    from torch_unet import bce_dice

    memory_format = layout(row)

    def loss(images: Any, masks: Any) -> Any:
        x = images.permute(0, 3, 1, 2).to(torch.float32, memory_format=memory_format)
        with torch.autocast(device, torch.bfloat16, enabled=row.precision == MIXED):
            predicted = network(x)
        return bce_dice(predicted, masks.permute(0, 3, 1, 2).float())

    if not row.variant or not_compiled(device):
        return loss
    compiled: Callable[..., Any] = torch.compile(
        loss, mode="reduce-overhead" if row.variant == GRAPHS else "default"
    )
    return compiled


def not_compiled(device: str) -> str:
    """Reason why torch.compile cannot run, empty if it can."""
    compiler = os.environ.get("CXX", "g++")
    missing = device == "cpu" and shutil.which(compiler) is None
    return "not compiled: no C++ compiler" if missing else ""


def shuffled(images: int, size: int) -> Iterator[Any]:
    """Rows of each batch of an epoch, those of `scanvote.training.batches`."""
    import numpy as np

    from scanvote.core.seeds import derive_seed

    order = np.random.default_rng(derive_seed(1, "order")).permutation(images)
    return (order[first : first + size] for first in range(0, images, size))


def compared(sizes: Sizes) -> Iterator[str]:
    """Compare both U-Nets on the CPU: number of parameters, and answers with equal weights."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    keras_on_jax(True)
    import numpy as np
    import torch
    from torch_unet import bce_dice

    task, network = unet_task(sizes._replace(unet=32, images=4)), torch_unet(params_of(sizes))
    if task.model.count_params() != count(network):
        raise Failed(f"PyTorch: {count(network)} parameters, Keras: {task.model.count_params()}")
    for weights, parameter in zip(task.model.get_weights(), network.parameters(), strict=True):
        axes = (3, 2, 0, 1) if weights.ndim == 4 else (0,)
        parameter.data = torch.from_numpy(weights.transpose(axes).copy())
    by_keras = task.model.predict_on_batch(task.images)
    images, truth = (
        torch.from_numpy(a.transpose(0, 3, 1, 2).astype("float32"))
        for a in (task.images, task.targets)
    )
    by_torch = network.eval()(images).detach()
    apart = float(np.abs(by_torch.numpy().transpose(0, 2, 3, 1) - by_keras).max())
    losses = float(task.loss(task.targets, by_keras)), float(bce_dice(by_torch, truth))
    if apart > 1e-5 or abs(losses[0] - losses[1]) > 1e-4:
        raise Failed(f"the U-Nets differ: masks by {apart:.2g}, losses {losses}")
    yield (
        f"Both U-Nets have {count(network):,} parameters. With equal weights their masks differ by"
        f" {apart:.0e} at most; the loss is {losses[0]:.4f} and {losses[1]:.4f}."
    )


def measured(row: Row, sizes: Sizes) -> Iterator[Any]:
    """Yield once after the first two epochs, then the result."""
    training = (jax_training if row.framework == JAX else torch_training)(row, sizes)
    training.epoch()
    training.epoch()
    yield None
    speeds: list[float] = []
    end = time.perf_counter() + sizes.seconds
    while time.perf_counter() < end or len(speeds) < 3:
        start = time.perf_counter()
        training.epoch()
        speeds.append(training.images / (time.perf_counter() - start))
    peak = training.peak()
    if peak is None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    yield Result(median(speeds), peak, training.parameters, training.batch)
