"""Every stage on a disk that fills up, and the whole pipeline killed at moments drawn.

    python benchmarks/faults.py --disk 6 --kills 100

The pipeline is that of `tests/pipeline`, of a tiny phantom. The disk is one in memory, of
a mount namespace (`unshare`), and holds all: outputs, .cache, MLflow's store, DVC's cache, /tmp and
HOME. A stage is run with so little room that it fails, again with more, and so on, then as it
should; kills are of the whole process group of `dvc repro`, which is run again after each.
At the end, dvc.lock must be that of an undisturbed run.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' helpers

from tests.pipeline import faults
from tests.pipeline.conftest import Workspace, write_template

SIZE = "1500m"
START = "DVC's start"


@dataclass(frozen=True)
class Undisturbed:
    """What a run without faults took and left."""

    stages: list[faults.Stage]
    room: dict[str, int]
    seconds: dict[str, float]
    lock: Mapping[str, object]
    files: set[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--disk", type=int, default=6, help="moments of each stage")
    parser.add_argument("--dvc", type=int, default=10, help="moments of `dvc repro` on a full disk")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    draw, started = random.Random(args.seed), time.time()
    with tempfile.TemporaryDirectory() as folder:
        try:
            template = write_template(Path(folder) / "template" / "scanvote")
            base = undisturbed(template, faults.Disk(Path(folder) / "undisturbed", SIZE))
            say(f"undisturbed: {sum(base.seconds.values()):.0f} s")
            rows = list(full(template, Path(folder), base, args.disk, draw)) if args.disk else []
            if args.dvc:
                rows += full_dvc(template, Path(folder), base, args.dvc, draw)
            if args.kills:
                rows += killed(template, Path(folder), base, args.kills, draw)
        except PermissionError as error:
            sys.exit(f"{error}: nothing was tried")
    print(
        "| stage | fault | moments | failed | one line, no traceback | nothing left | same lock |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print(f"\n{(time.time() - started) / 60:.0f} minutes")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def undisturbed(template: Workspace, disk: faults.Disk) -> Undisturbed:
    workspace = faults.on_disk(template, disk)
    stages, room, seconds = faults.Stage.all_of(template), {}, {}
    for stage in stages:
        room[stage.name], seconds[stage.name] = faults.measured(workspace, stage)
    workspace.dvc("commit", "--force")
    found = Undisturbed(
        stages, room, seconds, faults.outputs_of(workspace), faults.files_of(workspace)
    )
    disk.close()
    return found


def full(
    template: Workspace, folder: Path, base: Undisturbed, moments: int, draw: random.Random
) -> Iterator[tuple[object, ...]]:
    """Each stage alone, with more room each time, then as it should."""
    disk = faults.Disk(folder / "full", SIZE)
    workspace, outcomes = faults.on_disk(template, disk), {}
    for stage in base.stages:
        outcomes[stage.name] = outcome = faults.Outcome()
        for room in sorted(draw.randrange(base.room[stage.name] + 1) for _ in range(moments)):
            faults.run_filled(workspace, stage, room, outcome)
        report(stage.name, outcome)
        done = workspace.run(*stage.command)
        if done.returncode:
            say(f"{stage.name} does not go on: {done.stderr[-3000:]}")
    workspace.dvc("commit", "--force")
    lock, left = faults.outputs_of(workspace), faults.files_of(workspace) - base.files
    if left:
        say(f"left at the end: {sorted(left)[:20]}")
    for name, one in outcomes.items():
        same = lock.get(name) == base.lock[name]
        yield row(name, "disk full", one, same)
    disk.close()


def row(name: str, fault: str, one: faults.Outcome, same: bool) -> tuple[object, ...]:
    said = f"{one.failed - len(one.ill_said)} of {one.failed}"
    return name, fault, one.moments, one.failed, said, yes(not one.left), yes(same)


def yes(right: bool) -> str:
    return "yes" if right else "**no**"


def report(name: str, outcome: faults.Outcome) -> None:
    say(f"{name}: {outcome.failed} of {outcome.moments} failed, {len(outcome.ill_said)} ill said")
    for text in dict.fromkeys(outcome.ill_said):
        say("  " + text[-1500:].replace("\n", "\n  "))
    if outcome.left:
        say(f"  left: {sorted(outcome.left)[:10]}")


def full_dvc(
    template: Workspace, folder: Path, base: Undisturbed, moments: int, draw: random.Random
) -> list[tuple[object, ...]]:
    """`dvc repro` with more room each time: DVC's own cache and files get full, too."""
    disk = faults.Disk(folder / "repro", SIZE)
    workspace, outcome = faults.on_disk(template, disk), faults.Outcome()
    most, said = sum(base.room.values()) // 4, 0
    for room in (draw.randrange(most) for _ in range(moments)):
        with disk.filled(room):
            done = workspace.run("dvc", "repro")
        outcome.moments += 1
        outcome.failed += done.returncode != 0
        if done.returncode and "Traceback" in done.stderr:
            outcome.ill_said.append(done.stderr)
        said += "scanvote: " in done.stderr
        outcome.left |= faults.unfinished(workspace)
        say(f"dvc repro, {room} bytes: {done.returncode} {done.stderr[-300:]}")
    workspace.dvc("repro")
    same = faults.outputs_of(workspace) == base.lock
    report("dvc repro", outcome)
    left = faults.files_of(workspace) - base.files
    say(f"stages said it {said} times; left at the end: {sorted(left)[:20]}")
    disk.close()
    return [row("`dvc repro`", "disk full", outcome, same)]


def killed(
    template: Workspace, folder: Path, base: Undisturbed, kills: int, draw: random.Random
) -> list[tuple[object, ...]]:
    """`dvc repro`, killed and run again: each stage as often as it takes of the whole."""
    disk = faults.Disk(folder / "killed", SIZE)
    workspace, where = faults.on_disk(template, disk), Counter[str]()
    errors, names = list[str](), [stage.name for stage in base.stages]
    for stage in moments_of(base, kills, draw):
        seconds = base.seconds.get(stage, faults.STARTS)
        # an earlier kill may have come after the stage's end
        stages = names[names.index(stage) :] if stage else []
        place, err = faults.killed_at(workspace, stages, seconds, draw)
        if place is None:
            say(f"ended before {stage}: {err[-300:]}")
            mend_lock(workspace, err)
            continue
        where[place] += 1
        errors += [err] if "Traceback" in err else []
        say(f"killed {sum(where.values())}: {place} {sorted(faults.unfinished(workspace))[:3]}")
    mend_lock(workspace, workspace.run("dvc", "repro").stderr)
    workspace.dvc("repro")
    lock = faults.outputs_of(workspace)
    left = faults.files_of(workspace) - base.files
    for text in dict.fromkeys(errors):
        say(text[-2000:])
    say(f"left at the end: {sorted(left)[:20]}; in /tmp {len(list((disk.seen / 'tmp').iterdir()))}")
    differing = [name for name in base.lock if lock.get(name) != base.lock[name]]
    say(f"differing: {differing}")
    disk.close()
    return [
        (name, "kill -9", count, count, "-", yes(not left), yes(name not in differing))
        for name, count in where.items()
    ]


def mend_lock(workspace: Workspace, err: str) -> None:
    """Delete a file of DVC's that a kill cut short; see docs/how-to/resume.md."""
    for sign, name in (("RWLock-file", ".dvc/tmp/rwlock"), ("dvc.lock'", "dvc.lock")):
        if sign in err:
            say(f"{name} is damaged: deleted")
            (workspace / name).unlink()


def moments_of(base: Undisturbed, kills: int, draw: random.Random) -> list[str]:
    """The stages in which to kill, in the pipeline's order; a tenth in DVC's own start."""
    names = [stage.name for stage in base.stages if stage.name != "sources"]
    weights = [base.seconds[name] + 0.5 for name in names]
    drawn = sorted(draw.choices(range(len(names)), weights, k=kills))
    return ["" if draw.random() < 0.1 else names[number] for number in drawn]


if __name__ == "__main__":
    main()
