"""gpu: training on one GPU with JAX, through scanvote's own code, and with PyTorch.

    benchmarks/gpu.sh [--tiny] [--seconds N] [--unet-batch N] [--only TEXT]

The U-Net of params.yaml, and the EfficientNet-Lite0 of the recipe best_4class. Every measurement
runs in a process of its own, so its peak memory is its own. Images are noise with a disc. Prints
Markdown. The exit code is not 0 if a measurement failed.
"""

import argparse
import importlib.util
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from children import Child, Failed
from gpu_training import (
    AUGMENTED,
    COMPILED,
    FREE_ORDER,
    GRAPHS,
    JAX,
    LITE0,
    MIXED,
    TORCH,
    UNET,
    Result,
    Row,
    Sizes,
    compared,
    measured,
    not_compiled,
)

NEEDED = {"torch": "PyTorch", "jax": "JAX", "numpy": "NumPy", "cv2": "opencv-python-headless"}
FREE = 4
"""GiB of free GPU memory that the measurements need at least."""
ROWS = [
    Row(UNET, JAX),
    Row(UNET, JAX, MIXED),
    Row(UNET, TORCH),
    Row(UNET, TORCH, MIXED, COMPILED),
    Row(LITE0, JAX),
    Row(LITE0, JAX, MIXED),
    Row(UNET, JAX, copies=2),
    Row(LITE0, JAX, copies=2),
    Row(LITE0, JAX, MIXED, AUGMENTED),
    Row(UNET, TORCH, MIXED, GRAPHS),
    Row(UNET, JAX, MIXED, FREE_ORDER),
]
"""The first row of each network is the one that the others are compared with."""
TINY = Sizes(32, 32, 32, 0.5, None, 1200, 6000, True)


def run(row: Row, sizes: Sizes, folder: Path, end: float) -> tuple[list[Result], float]:
    """Measure a row in its processes: the results, and seconds until all were ready."""
    start = time.monotonic()
    end = min(end, start + sizes.row_limit)
    with ExitStack() as stack:
        children = [Child(folder, measured, row, sizes) for _ in range(row.copies)]
        for child in children:
            stack.callback(child.end)
        for child in children:
            child.answer(end)
        ready = time.monotonic() - start
        for child in children:
            child.go_on()
        return [child.answer(end) for child in children], ready


def check(tiny: bool) -> None:
    """Raise Failed if something is missing here."""
    for module, name in NEEDED.items():
        if importlib.util.find_spec(module) is None:
            raise Failed(f"{name} is not installed here; install it, or take another PYTHON")
    if tiny:
        return
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for child in [Child(Path(folder), torch_gpu), Child(Path(folder), jax_gpu)]:
            stack.callback(child.end)
            child.answer(time.monotonic() + 120)


def torch_gpu() -> Iterator[None]:
    import torch

    if not torch.cuda.is_available():
        raise Failed("PyTorch sees no GPU; --tiny runs on the CPU")
    free = torch.cuda.mem_get_info()[0] / 2**30
    if free < FREE:
        raise Failed(f"the GPU has {free:.1f} GiB of free memory, and {FREE} are needed")
    yield None


def jax_gpu() -> Iterator[None]:
    import jax

    if (found := jax.devices()[0].platform) != "gpu":
        raise Failed(f"JAX sees no GPU but a {found}; it needs its CUDA plugin")
    yield None


def prepare_environment(folder: Path, tiny: bool) -> None:
    """Set what the frameworks read when they start."""
    os.environ |= {
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
    }
    if tiny:
        os.environ |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}


def table(rows: Sequence[Row], sizes: Sizes, folder: Path, end: float) -> int:
    """Measure rows until the time `end` and print each as a line; return how many failed."""
    print("| training | batch | images/s | ratio | peak memory, MiB | ready after, s |")
    print("|---|---|---|---|---|---|", flush=True)
    failed, first = 0, dict[str, float]()
    for row in rows:
        try:
            results, ready = run(row, sizes, folder, end)
        except Failed as failure:
            failed += 1
            print(f"| {row.text()} | failed: {failure} | | | | |", flush=True)
            continue
        speed = sum(result.speed for result in results)
        if row == Row(row.network, JAX):
            first[row.network] = speed
        ratio = f"{speed / first[row.network]:.2f}" if row.network in first else ""
        peak = sum(result.peak for result in results) >> 20
        cells = (label(row, sizes), results[0].batch, f"{speed:,.0f}", ratio, f"{peak:,}")
        print("|", *(f"{cell} |" for cell in cells), f"{ready:.0f} |", flush=True)
    return failed


def label(row: Row, sizes: Sizes) -> str:
    why = not_compiled("cpu") if sizes.tiny else ""
    return row._replace(variant=row.variant.replace("compiled", why or "compiled")).text()


def footer(sizes: Sizes, folder: Path, end: float) -> int:
    """Print what was compared and on what; return how many checks failed."""
    failed, lines = 0, [NOTES.format(**sizes._asdict())]
    for function in (compared, machine):
        child = Child(folder, function, sizes)
        try:
            lines.append(child.answer(end))
        except Failed as failure:
            failed += 1
            lines.append(f"failed: {function.__name__}: {failure}")
        finally:
            child.end()
    print("\n" + "\n".join(lines))
    return failed


NOTES = """\
U-Net of params.yaml at {unet}², EfficientNet-Lite0 of best_4class at {lite0}²; {images} generated \
images an epoch.
Median over the epochs of {seconds:g} s, after two that do not count. Each process takes its \
batches from arrays
in memory and copies them to the device. The ratio is to the first row of the same network. Of two \
trainings
at once the images/s and the memory are summed. JAX runs with deterministic operations, as \
scanvote always
does, PyTorch without; both may round to TF32 in float32."""


def machine(sizes: Sizes) -> Iterator[str]:
    """Name the device and the versions."""
    from importlib.metadata import version

    import torch

    gpu = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if gpu else f"{os.cpu_count()} CPUs, {platform.machine()}"
    names = ("torch", "jax", "keras", "numpy")
    yield f"{device}; " + ", ".join(f"{name} {version(name)}" for name in names) + "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["check", "run"])
    parser.add_argument("--tiny", action="store_true", help="on the CPU, in small sizes")
    parser.add_argument("--seconds", type=float, help="to measure each row")
    parser.add_argument("--unet-batch", type=int, help="batch size of the U-Net")
    parser.add_argument("--only", default="", help="rows that contain this text")
    asked = parser.parse_args()
    if not any(asked.only in row.text() for row in ROWS):
        sys.exit(f"gpu: --only: no row contains {asked.only!r}, such as {ROWS[0].text()!r}")
    if not all(one is None or one > 0 for one in (asked.seconds, asked.unet_batch)):
        sys.exit("gpu: --seconds and --unet-batch: give more than 0")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("gpu: stopped"))  # ends the children too
    sizes = TINY if asked.tiny else Sizes()
    sizes = sizes._replace(unet_batch=asked.unet_batch, seconds=asked.seconds or sizes.seconds)
    with tempfile.TemporaryDirectory() as name:
        prepare_environment(Path(name), asked.tiny)
        if asked.what == "check":
            try:
                check(asked.tiny)
            except Failed as failure:
                sys.exit(f"gpu: {failure}")
            return
        rows = [row for row in ROWS if asked.only in row.text()]
        rows = [row for row in rows if not (asked.tiny and row.variant == GRAPHS)]
        end = time.monotonic() + sizes.limit
        failed = table(rows, sizes, Path(name), end)
        failed += footer(sizes, Path(name), end + sizes.row_limit / 2)
    if failed:
        sys.exit(f"gpu: {failed} of the measurements and checks failed")


if __name__ == "__main__":
    main()
