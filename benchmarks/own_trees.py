"""Random trees of a user's data through the stages, held against their truth.

    python -m benchmarks.own_trees --trees 2000 --seed 1 --processes 2

Of each tree it is known who and what every file is (`tests/own_trees.py`). In no accepted tree may
a person of whom the tree tells stand on two sides of the split, a class be wrong, or a mask or
junk be used; a refusal is one line of words; and `data check` may not differ from `download`.
Prints how many trees were accepted and refused, what the refusals say, and every kind of
violation with the numbers of its trees; the exit code is 1 with any. One tree again, and kept:

    python -m benchmarks.own_trees --seed 1 --tree 17 --keep FOLDER

Remarks are no violations: a person of whom a tree does not tell on two sides, or strangers in one
group.
"""

import contextlib
import io
import os
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer

from tests.own_judging import disagreements, judge, refusal_kind, run_stages, small_params
from tests.own_trees import numbered_tree
from tests.own_writing import write_tree


@dataclass
class Result:
    """What came of one tree.

    Attributes:
        accepted: whether all three stages passed; refusal: kind of refusal. Neither of a crash.
        message: of the refusal; found: (kind, text) of violations; remarks: likewise.
    """

    number: int
    spec: str
    form: str
    accepted: bool = False
    refusal: str = ""
    message: str = ""
    found: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)


def run_tree(seed: int, agreement: bool, keep: Path | None, number: int) -> Result:
    """Write a tree, run it and judge it."""
    spec = numbered_tree(seed, number)
    result = Result(number, str(spec), f"{spec.form}, {spec.format}")
    with tempfile.TemporaryDirectory(prefix="trees-") as place, quiet():
        folder = (keep or Path(place)).resolve()
        try:
            tree = write_tree(spec, folder / "own")
            params = small_params(spec.task, tree.path)
            outcome = run_stages(spec.task, params, folder / "out")
            verdict = judge(tree, outcome)
            differ = disagreements(spec.task, tree.path, params, outcome) if agreement else []
        except Exception:
            result.found.append(("the benchmark or the check fails", traceback.format_exc()[-700:]))
            return result
    root, result.accepted = f"{tree.root}", outcome.accepted
    if not outcome.accepted and not outcome.crashed:
        result.refusal = refusal_kind(outcome, tree.root)
        result.message = outcome.message.replace(root, "PATH")
    result.found = [*verdict.violations, *(("disagreement", one) for one in differ)]
    result.remarks = verdict.remarks
    return result


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing of the stages on the terminal, and no pool of processes in a process."""
    os.cpu_count = lambda: 1  # type: ignore[assignment]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def run_trees(numbers: range, seed: int, processes: int, agreement: bool) -> Iterator[Result]:
    run = partial(run_tree, seed, agreement, None)
    if processes == 1:
        yield from map(run, numbers)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run, numbers, chunksize=8)


def report(results: list[Result], seed: int) -> None:
    accepted = [one for one in results if one.accepted]
    crashed = [one for one in results if not one.accepted and not one.refusal]
    print(f"{len(results):,} trees of seed {seed}: {len(accepted):,} accepted, ", end="")
    print(f"{len(results) - len(accepted) - len(crashed):,} refused, {len(crashed):,} crashed\n")
    print("| refusal | trees | the first |\n|---|---|---|")
    refused = defaultdict(list)
    for one in results:
        if one.refusal:
            refused[one.refusal].append(one)
    for kind, several in sorted(refused.items(), key=lambda pair: -len(pair[1])):
        first = several[0]
        print(f"| {kind} | {len(several):,} | {first.number}: {first.message[:300]} |")
    print("\n| form | accepted | refused or crashed |\n|---|---|---|")
    by_form = Counter((one.form, not one.accepted) for one in results)
    for form in sorted({one.form for one in results}):
        print(f"| {form} | {by_form[form, False]} | {by_form[form, True]} |")
    _report_found("violation", results, "found")
    _report_found("remark", results, "remarks")


def _report_found(word: str, results: list[Result], name: str) -> None:
    trees: dict[str, list[tuple[Result, str]]] = defaultdict(list)
    for one in results:
        for kind, text in dict(reversed(getattr(one, name))).items():
            trees[kind].append((one, text))
    print(f"\n{sum(bool(getattr(one, name)) for one in results):,} trees with a {word}")
    for kind, several in sorted(trees.items(), key=lambda pair: -len(pair[1])):
        numbers = ", ".join(str(one.number) for one, _ in several[:12])
        print(f"\n- {kind}: {len(several):,} trees ({numbers}{'…' * (len(several) > 12)})")
        for one, text in several[:2]:
            print(f"  - {one.number}: {one.spec}\n    {text[:600]}")


def show(result: Result) -> None:
    print(f"{result.number}: {result.spec}")
    print(
        f"refused, {result.refusal}: {result.message}"
        if result.refusal
        else "accepted"
        if result.accepted
        else "crashed"
    )
    for kind, text in [*result.found, *result.remarks]:
        print(f"- {kind}: {text}")


def main(
    trees: Annotated[int, typer.Option(min=1)] = 2000,
    seed: int = 1,
    processes: Annotated[int, typer.Option(min=1)] = 1,
    first: Annotated[int, typer.Option(help="Number of the first tree.")] = 0,
    agreement: Annotated[bool, typer.Option(help="Compare with data check.")] = True,
    tree: Annotated[int | None, typer.Option(help="This tree alone.")] = None,
    keep: Annotated[Path | None, typer.Option(help="New folder for it.")] = None,
) -> None:
    """Judge random trees; Markdown on standard output."""
    if tree is not None:
        show(run_tree(seed, agreement, keep, tree))
        return
    begun = time.perf_counter()
    results = list(run_trees(range(first, first + trees), seed, processes, agreement))
    report(results, seed)
    print(f"\n{time.perf_counter() - begun:,.0f} s, {processes} processes")
    sys.exit(any(one.found for one in results))


if __name__ == "__main__":
    typer.run(main)
