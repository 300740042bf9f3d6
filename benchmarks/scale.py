"""What one scan of 512 x 512 costs in each stage, in the pool and in the process that waits for it.

    SCANVOTE_MIRROR=FOLDER python benchmarks/scale.py stages [--scans 2000]
    python benchmarks/scale.py tables [--rows 100000]
    python benchmarks/scale.py dvc [--files 10000]
    python benchmarks/scale.py courier [--megabytes 64]
    python benchmarks/scale.py pairs FOLDER

The scans are those of the mirror's 4-class set, doubled in size. Processor seconds, which other
work on the machine changes little; those of the pool are of its processes. `stages` runs download,
deduplicate and prepare; `tables` makes splits and the audit from a made-up manifest; `courier`
sends files to a Dask worker without this disk. What it means for a million scans stands in
docs/explanation/scale.md. Markdown on standard output.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np
import pandas as pd
import psutil
from measure import peak_memory

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' helpers

from scanvote.manifest import COLUMNS, read_manifest, write_manifest
from scanvote.params import load_params

ROOT = Path(__file__).parents[1]
ARCHIVE = "brain-tumor-classification-mri.zip"
CHOICES = ["stages", "tables", "dvc", "courier", "pairs"]
HASH = "import sys; from dvc.cli import main; sys.exit(main())"


def spent(work: Callable[[], object], count: int, what: str) -> None:
    """Print a row: seconds, and processor milliseconds an item here and in child processes."""
    before, start = _used(), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    here, there = (now - then for now, then in zip(_used(), before, strict=True))
    print(
        f"| {what} | {count:,} | {seconds:.1f} | {1e3 * here / count:.3g} "
        f"| {1e3 * there / count:.3g} | {os.getloadavg()[0]:.1f} |",
        flush=True,
    )


def _used() -> tuple[float, float]:
    times = [resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    here, there = (one.ru_utime + one.ru_stime for one in times)
    return here, there


def head() -> None:
    print("| what | items | s | processor ms an item, here | in children | load |")
    print("|---|---|---|---|---|---|", flush=True)


# -- stages ------------------------------------------------------------------------


def stages(args: argparse.Namespace) -> None:
    from scanvote.pipeline.deduplicate.stage import deduplicate
    from scanvote.pipeline.download.stage import download
    from scanvote.pipeline.prepare.stage import prepare

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = doubled(Path(os.environ["SCANVOTE_MIRROR"]) / ARCHIVE, folder / "own", args.scans)
        params = load_params(ROOT / "params.yaml")
        task = params.classification.model_copy(update={"dataset": [str(folder / "own")]})
        how = params.prepare.classification.model_copy(update={"image_size": args.side})
        section = params.prepare.model_copy(update={"classification": how})
        params = params.model_copy(update={"classification": task, "prepare": section})
        raw, dedup = folder / "raw", folder / "dedup"
        head()
        spent(
            partial(download, "classification", params, raw),
            args.scans,
            f"download, {size:.0f} KiB",
        )
        tables = (ROOT / "data" / name / "classification.csv" for name in ("overrule", "patients"))
        work = partial(deduplicate, raw, params.deduplicate, *tables, dedup)
        spent(work, args.scans, "deduplicate")
        work = partial(prepare, "classification", raw, dedup, params, folder / "prepared", 2)
        spent(work, args.scans, f"prepare, {args.side} px")
        made = sum(one.stat().st_size for one in (folder / "prepared").glob("*.pkl"))
        print(f"\nShards: {made / args.scans / 1024:.0f} KiB a scan.")


def doubled(archive: Path, folder: Path, count: int) -> float:
    """Write the first scans at 512 x 512, one patient each, by class; return KiB a scan."""
    with ZipFile(archive) as packed:
        names = sorted(one for one in packed.namelist() if one.endswith(".jpg"))
        chosen = [names[at * len(names) // count] for at in range(count)]
        for at, name in enumerate(chosen):
            image = cv2.imdecode(np.frombuffer(packed.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
            image = cv2.resize(image, (512, 512), interpolation=cv2.INTER_CUBIC)
            path = folder / Path(name).parent.name / f"{at:06}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
    sizes = [one.stat().st_size for one in folder.rglob("*.jpg")]
    return sum(sizes) / len(sizes) / 1024


def pairs(args: argparse.Namespace) -> None:
    """Screen all pairs, by tangents and for relatives: it grows with the square of the scans."""
    from scanvote.pipeline.deduplicate.fingerprints import fingerprints
    from scanvote.pipeline.deduplicate.pairs import correlated, similar_pairs
    from scanvote.pipeline.deduplicate.tangents import tangent_pairs

    paths = sorted(args.folder.rglob("*.jpg"))[: args.scans]
    thumbnails = fingerprints(paths, 1).thumbnails
    head()
    for count in (len(paths) // 4, len(paths) // 2, len(paths)):
        work = partial(list, tangent_pairs(thumbnails[:count]))
        spent(work, count**2, f"tangents of {count:,}, a pair")
        work = partial(similar_pairs, thumbnails[:count], 0.95, np.ones(count, np.bool_))
        spent(work, count**2, f"relatives of {count:,}, a pair")
    drawn = np.random.default_rng(1).integers(0, len(paths), (2, 100_000))
    work = partial(correlated, thumbnails, [(drawn[0], drawn[1])], 0.98)
    spent(work, 100_000, "thumbnails of two correlated, a pair")


# -- what is serial ----------------------------------------------------------------


def tables(args: argparse.Namespace) -> None:
    from scanvote.splits.leakage import check_leaks
    from scanvote.splits.protocols import split_scans

    params = load_params(ROOT / "params.yaml")
    with tempfile.TemporaryDirectory() as name:
        path, frame = Path(name) / "manifest.csv", rows(args.rows)
        head()
        spent(partial(write_manifest, frame, path), args.rows, "write the manifest")
        spent(partial(read_manifest, path), args.rows, "read the manifest")
        read = read_manifest(path)
        before = psutil.Process().memory_info().rss
        found = []

        def split() -> None:
            found.append(split_scans("classification", path, params.split, params.seed))

        spent(split, args.rows, "read and split")
        grown = psutil.Process().memory_info().rss - before
        spent(partial(check_leaks, found[0], params.split), args.rows, "leak audit")
        each, line = read.memory_usage(deep=True).sum() / args.rows, path.stat().st_size / args.rows
        print(f"\nA row takes {each:,.0f} bytes in pandas, {line:.0f} in the file; resident memory")
        print(f"grew by {grown / args.rows:,.0f} bytes a row when it was split.")


def rows(count: int) -> pd.DataFrame:
    """A deduplicated manifest of four scans a patient."""
    numbers = pd.Series(range(count))
    frame = pd.DataFrame(dict.fromkeys(COLUMNS, ""), index=numbers.index)
    digests = numbers.map("{:064x}".format)
    return frame.assign(
        scan_id=digests.str[-16:],
        sha256=digests,
        path=numbers.map("images/{:07}.jpg".format),
        label=(numbers // 4 % 4).map("abcd".__getitem__),
        patient=(numbers // 4).astype(str),
        width=512,
        height=512,
        mask_pixels=0,
        duplicate_of="",
        relatives="",
        kept=True,
        conflict=False,
    )


# -- DVC ---------------------------------------------------------------------------


def dvc(args: argparse.Namespace) -> None:
    """Add a folder of files of 40 KiB, look at it again unchanged, and check it out."""
    with tempfile.TemporaryDirectory() as name:
        folder, random = Path(name), np.random.default_rng(1)
        (folder / "raw").mkdir()
        for number in range(args.files):
            (folder / "raw" / f"{number:07}.jpg").write_bytes(random.bytes(40 << 10))
        run = partial(subprocess.run, cwd=folder, check=True, capture_output=True)
        run(["git", "init", "--quiet"])
        for words in (["init", "--quiet"], ["config", "core.analytics", "false"]):
            run([sys.executable, "-c", HASH, *words])
        head()
        spent(partial(run, [sys.executable, "-c", HASH, "version"]), 1, "DVC's start")
        for words in (["add", "raw"], ["status"], ["commit", "--force"]):
            what = f"dvc {' '.join(words)}"
            spent(partial(run, [sys.executable, "-c", HASH, *words]), args.files, what)
        (folder / "raw").rename(folder / "old")
        spent(partial(run, [sys.executable, "-c", HASH, "checkout"]), args.files, "dvc checkout")
        os.chdir(folder)
        _, peak = peak_memory([sys.executable, "-c", HASH, "status"])
        print(f"\nPeak memory of `dvc status`: {peak / 2**20:.0f} MiB.")
        os.chdir("/")


# -- files for a worker without this disk -------------------------------------------


def courier(args: argparse.Namespace) -> None:
    """Send one large file that is kept, and blocks of small ones that are read once."""
    from cluster import cluster

    from scanvote.core.parallel import Files, open_pool
    from tests.clusters import computing

    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        random, size = np.random.default_rng(1), args.megabytes << 20
        large = [Path(f"large{number}") for number in range(3)]
        small = [Path(f"{number}.jpg") for number in range(size // (40 << 10))]
        for path in large:
            path.write_bytes(random.bytes(size))
        for path in small:
            path.write_bytes(random.bytes(40 << 10))
        with cluster(1, Path(name)) as at, computing(at), open_pool(1) as pool:

            def call(files: Files) -> None:
                pool.submit(len, "", files=files).result()

            def blocks() -> None:
                step = 256
                for start in range(0, len(small), step):
                    block = small[start : start + step]
                    call(Files(reads={path.name: path for path in block}))

            call(Files(kept={"first": small[0]}))
            print("| what | MB | s | MB/s | processor s a GB, client | load |")
            print("|---|---|---|---|---|---|")
            for path in large:
                rate("one file, kept", size, partial(call, Files(kept={path.name: path})))
            for _ in range(3):
                rate("40 KiB files, 256 a call", size, blocks)
        os.chdir("/")


def rate(what: str, size: int, work: Callable[[], object]) -> None:
    before, start = _used()[0], time.perf_counter()
    work()
    seconds, here = time.perf_counter() - start, _used()[0] - before
    print(
        f"| {what} | {size / 1e6:.0f} | {seconds:.2f} | {size / 1e6 / seconds:.0f} "
        f"| {here / size * 1e9:.1f} | {os.getloadavg()[0]:.1f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=CHOICES)
    parser.add_argument("folder", type=Path, nargs="?", help="of images, for pairs")
    parser.add_argument("--scans", type=int, default=2000)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--megabytes", type=int, default=64)
    args = parser.parse_args()
    globals()[args.what](args)


if __name__ == "__main__":
    main()
