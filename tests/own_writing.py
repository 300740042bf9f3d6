"""Write a drawn tree of a user's data, and the truth about each of its files."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from tests import own_forms as forms
from tests.own_trees import JUNK, Fact, Shot, Tree, TreeSpec, shots

Row = dict[str, str]


def write_tree(spec: TreeSpec, root: Path) -> Tree:
    """Write the tree below `root`, and return it with the truth."""
    wrapper = "study" if "wrapper" in spec.extras else ""
    top = root / wrapper / ("a/b" if "deep wrapper" in spec.extras else "")
    tree = Tree(root, root, spec)
    rows = [_write_shot(tree, top, number, shot) for number, shot in enumerate(shots(spec))]
    if spec.form == "table":
        tree.path = _write_table(tree, rows)
    elif spec.form == "bids":
        _write_participants(tree, top)
    elif "dataset.json" in spec.extras:
        _write_dataset_json(spec, top)
    _write_oddities(tree, top)
    return tree


def _write_shot(tree: Tree, top: Path, number: int, shot: Shot) -> Row:
    """Write a picture, its mask and its facts; return its row of a table."""
    spec = tree.spec
    pixels = _pixels(spec, shot)
    person = spec.person.format(shot.person + 1)
    if spec.format == "dicom":
        folder = _place(spec, top, shot) / (f"s{number}" if _series_apart(spec) else "")
        files = forms.write_dicom_series(folder, pixels, number, person, spec.header)
        named = folder if _series_apart(spec) else files[0]
    else:
        ending, write = forms.ENDINGS[spec.format]
        named = _place(spec, top, shot) / f"{_stem(spec, shot)}{ending}"
        write(named, pixels)
        files = [named]
    mask = _write_mask(tree, top, shot, named)
    row = _row(tree, shot, number, named, mask)
    ties = frozenset(_ties(spec, shot, number, row))
    for at, file in enumerate(files):
        alone = {f"file {number} {at}" if _apart(spec) else f"file {number}"}
        fact = Fact("scan", shot.person, spec.classes[shot.of_class], ties | alone, mask, number)
        tree.facts[_name(tree, file)] = fact
    return row


def _series_apart(spec: TreeSpec) -> bool:
    """Whether each series has a folder of its own: a table names it by that."""
    return spec.form == "table" or spec.header in ("same_series", "new")


def _apart(spec: TreeSpec) -> bool:
    """Whether nothing in the headers tells that the files of a folder are one series."""
    return spec.format == "dicom" and spec.header == "new"


def _pixels(spec: TreeSpec, shot: Shot) -> NDArray[np.float64]:
    """(slices, H, W) of a volume, (1, H, W) of a picture."""
    count = forms.DEPTH if spec.format in forms.VOLUMES else 1
    first = spec.seed * 1000
    planes = forms.slices(first + shot.person, first + shot.number, spec.alike, count)
    return _as_contrast(planes, spec.contrasts.index(shot.contrast) if shot.contrast else 0)


def _as_contrast(planes: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """The same head in another contrast: turned over, or bent."""
    inside = planes > 0
    return (planes, (1.1 - planes) * inside, np.sqrt(planes))[number]


def _place(spec: TreeSpec, top: Path, shot: Shot) -> Path:
    """The folder of a picture."""
    person = spec.person.format(shot.person + 1)
    visit = spec.visit.format(shot.visit + 1)
    if spec.form == "bids":
        return top / person / visit / "anat"
    if spec.form == "nnunet":
        return top / "imagesTr"
    label = spec.classes[shot.of_class] if spec.form == "folders" else ""
    if "spelling" in spec.extras and spec.parts and shot.part == spec.parts[-1]:
        label = _respelled(label)
    above = [shot.above, label, shot.part] if spec.parts_below else [shot.above, shot.part, label]
    own = [person, visit if spec.visits > 1 else ""] if spec.identity == "folder" else []
    contrast = {"folder": shot.contrast, "prefixed": f"MR_{shot.contrast}"}
    inner = contrast.get(spec.contrast_in, "") if shot.contrast else ""
    plane = "axial" if "plane" in spec.extras else ""
    images = "images" if spec.form == "twins" else ""
    return top.joinpath(images, *above, *own, inner, plane)


def _respelled(label: str) -> str:
    """The same class as another person writes it: decomposed letters, other case, a space."""
    decomposed = normalize("NFD", label)
    if decomposed != label:
        return decomposed
    return label.swapcase() if label.swapcase() != label else f"{label} "


def _stem(spec: TreeSpec, shot: Shot) -> str:
    """The name of a picture; that of a flat file says nothing of its person but by contrasts."""
    person, visit = spec.person.format(shot.person + 1), spec.visit.format(shot.visit + 1)
    if spec.form == "bids":
        return f"{person}_{visit}_{shot.contrast or 'T1w'}" + _slice(spec, shot)
    if spec.form == "nnunet":
        at = spec.contrasts.index(shot.contrast) if shot.contrast else 0
        return f"CASE_{shot.number:04d}x_{at:04d}"
    suffix = f"_{shot.contrast}" if shot.contrast and spec.contrast_in == "suffix" else ""
    return _case(spec, shot) + (suffix or "_image" * ("masks" in spec.extras))


def _case(spec: TreeSpec, shot: Shot) -> str:
    """What the contrasts of a picture have in common."""
    if spec.form == "nnunet":
        return f"CASE_{shot.number:04d}x"
    if spec.identity == "folder":
        return f"{shot.visit}{shot.slice}x"
    return f"{(shot.number * 7919) % 100003:06d}x"


def _slice(spec: TreeSpec, shot: Shot) -> str:
    return f"_{shot.slice}" if spec.slices > 1 else ""


def _ties(spec: TreeSpec, shot: Shot, number: int, row: Row) -> list[str]:
    """What the tree tells of the person of a picture."""
    person, ties = f"person {shot.person}", []
    if spec.identity == "folder" or row.get("patient", "") == spec.person.format(shot.person + 1):
        ties.append(person)
    if spec.format == "dicom" and spec.header == "right":
        ties.append(person)
    # series of one person in two folders have file names of their own
    if shot.contrast and spec.form != "table" and spec.format != "dicom":
        ties.append(f"picture {shot.number}")
    if shot.contrast and row.get("mask"):
        ties.append(f"picture {shot.number}")
    if spec.format == "dicom" and not _apart(spec) and spec.header != "same_series":
        ties.append(f"series {number}")
    return ties


def _write_mask(tree: Tree, top: Path, shot: Shot, image: Path) -> str:
    """Write the mask that belongs to a picture; return its name."""
    spec = tree.spec
    if spec.task == "classification" and "masks" not in spec.extras:
        return ""
    if spec.format == "dicom":
        return ""
    path = _mask_path(spec, top, shot, image)
    format_ = "png" if spec.format == "jpeg" else spec.format
    forms.write_mask(path, format_, spec.seed + shot.number)
    tree.facts[_name(tree, path)] = Fact("mask", shot.person)
    return _name(tree, path)


def _mask_path(spec: TreeSpec, top: Path, shot: Shot, image: Path) -> Path:
    ending = ".png" if spec.format == "jpeg" else forms.ENDINGS[spec.format][0]
    if spec.form == "nnunet":
        return top / "labelsTr" / f"{_case(spec, shot)}{ending}"
    if spec.form == "twins":
        folder = top / "masks" / image.parent.relative_to(top / "images")
        return folder / f"{_stem(spec, shot)}{ending}"
    return image.parent / f"{_case(spec, shot)}_mask{ending}"


def _row(tree: Tree, shot: Shot, number: int, named: Path, mask: str) -> Row:
    """The row of a table; without a patient where that column has gaps."""
    spec = tree.spec
    if spec.form != "table":
        return {"mask": mask}
    row = {"path": _name(tree, named)}
    row |= {"mask": mask} if mask else {"label": spec.classes[shot.of_class]}
    if spec.identity in ("column", "gaps"):
        unknown = spec.identity == "gaps" and number % 3 == 1
        row["patient"] = spec.gap if unknown else spec.person.format(shot.person + 1)
    if spec.parts:
        row["split"] = shot.part
    return row


def _write_table(tree: Tree, rows: list[Row]) -> Path:
    path = tree.root / "scans.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def _write_participants(tree: Tree, top: Path) -> None:
    people = {shot.person: shot.of_class for shot in shots(tree.spec)}
    lines = ["participant_id\tsex\tgroup"]
    for person, of_class in people.items():
        lines.append(f"{tree.spec.person.format(person + 1)}\tF\t{tree.spec.classes[of_class]}")
    (top / "participants.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_dataset_json(spec: TreeSpec, top: Path) -> None:
    names = spec.contrasts or ("T1",)
    ending = forms.ENDINGS[spec.format][0]
    facts = {
        "channel_names": {str(at): name for at, name in enumerate(names)},
        "labels": {"background": 0, "tumour": 1},
        "numTraining": len({shot.number for shot in shots(spec)}),
        "file_ending": ending,
    }
    (top / "dataset.json").write_text(json.dumps(facts))


def _write_oddities(tree: Tree, top: Path) -> None:
    """Junk, blank pictures, SEG, a folder beside the parts, the tree again."""
    extras, spec = tree.spec.extras, tree.spec
    folders = sorted({(tree.root / name).parent for name in tree.facts})
    if "junk" in extras:
        for at, name in enumerate(JUNK):
            _write_junk(tree, folders[at % len(folders)] / name)
    if "blank" in extras and spec.form == "folders" and spec.format != "dicom":
        _write_blanks(tree)
    if "seg" in extras:
        _write_segs(tree)
    if "stray" in extras and spec.parts:
        for at in range(6):
            path = top / "pred" / f"{at}.png"
            forms.write_picture(path, forms.head(spec.seed + 900 + at)[None])
            tree.facts[_name(tree, path)] = Fact("unlabelled")
    if "twice" in extras and "junk" not in extras:
        _write_again(tree, top)


def _write_junk(tree: Tree, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x00\x01junk")
    tree.facts[_name(tree, path)] = Fact("junk")


def _write_blanks(tree: Tree) -> None:
    """A blank picture beside the first picture of every second folder."""
    ending = forms.ENDINGS[tree.spec.format][0]
    by_folder = {Path(name).parent: fact for name, fact in tree.facts.items()}
    for folder, fact in list(by_folder.items())[::2]:
        path = tree.root / folder / f"blank0{ending}"
        forms.write_blank(path, tree.spec.format)
        person = {f"person {fact.person}"} if tree.spec.identity == "folder" else set()
        ties = frozenset(person | {f"file blank {folder}"})
        tree.facts[_name(tree, path)] = replace(fact, role="blank", ties=ties, mask="", unit=-1)


def _write_segs(tree: Tree) -> None:
    by_person = {fact.person: name for name, fact in tree.facts.items() if fact.role == "scan"}
    for person, name in list(by_person.items())[::2]:
        path = (tree.root / name).with_name(f"SEG{person}.dcm")
        forms.write_segmentation_object(path, person, tree.spec.person.format(person + 1))
        tree.facts[_name(tree, path)] = Fact("mask", person)


def _write_again(tree: Tree, top: Path) -> None:
    """The whole tree once more in a folder of its own, as some archives hold it."""
    again = top / "dataset"
    names = [name for name in tree.facts if (tree.root / name).is_relative_to(top)]
    for name in names:
        source = tree.root / name
        copy = again / source.relative_to(top)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
        tree.facts[_name(tree, copy)] = tree.facts[name]


def _name(tree: Tree, path: Path) -> str:
    return path.relative_to(tree.root).as_posix()
