"""What `scanvote data check` tells of data of one's own."""

import shlex
import shutil
import tempfile
from pathlib import Path

import cv2
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from scanvote.cli import app
from scanvote.commands import data_check
from scanvote.commands.data_check import check, patients
from scanvote.commands.data_check_params import param_overrides
from scanvote.core.errors import InputError
from scanvote.params import Params, load_params
from tests.making import (
    write_image,
    write_mask,
    write_nifti,
    write_nifti_mask,
    write_series,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to run the command in."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    home = tmp_path / "repository"
    home.mkdir()
    shutil.copy(ROOT / "params.yaml", home)
    monkeypatch.chdir(home)
    return home


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    for seed in range(24):
        write_image(tmp_path / "own" / ("yes" if seed % 2 else "no") / f"{seed}.png", seed)
    return tmp_path / "own"


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    for seed in range(24):
        write_image(tmp_path / f"own/p{seed % 6}/{seed}.png", seed)
        write_mask(tmp_path / f"own/p{seed % 6}/{seed}_mask.png", empty=seed < 4)
    return tmp_path / "own"


def told(*words: object) -> str:
    done = CliRunner().invoke(app, ["data", "check", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.output


def shown(*words: object) -> str:
    """What is printed, be it that the pipeline will refuse so few scans."""
    return CliRunner().invoke(app, ["data", "check", *map(str, words)]).output


def refused(*words: object) -> str:
    done = CliRunner().invoke(app, ["data", "check", *map(str, words)])
    assert done.exit_code == 1
    assert done.output.startswith("scanvote: ")
    assert done.output.count("\n") == 1
    return done.output


def row(text: str, name: str) -> str:
    words = name.split()
    (line,) = (line for line in text.splitlines() if line.split()[: len(words)] == words)
    return " ".join(line.split())


def merged(values: dict, wanted: dict) -> dict:
    """`values` with the nested `wanted` in place of what they have there."""
    for key, value in wanted.items():
        values[key] = merged(values[key], value) if isinstance(value, dict) else value
    return values


def pasted(text: str, params: Path = Path("params.yaml")) -> Params:
    """params.yaml with the section that was printed."""
    shown = text.partition("dvc exp run")[2].partition("\n\n")[2].partition("\nResearch")[0]
    yaml = YAML(typ="safe")
    return Params.model_validate(merged(yaml.load(params), yaml.load(shown)))


def as_dvc_reads_it(text: str) -> Params:
    """params.yaml as the command that was printed changes it."""
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import apply_overrides

    (line,) = (line for line in text.splitlines() if line.startswith("  dvc exp run"))
    changes = [word for word in shlex.split(line)[3:] if word != "-S"]
    for path, overrides in to_path_overrides(changes).items():
        apply_overrides(path, overrides)
    return load_params()


@pytest.mark.usefixtures("repository")
def test_classes_are_counted_and_the_params_can_be_pasted(classes: Path) -> None:
    text = told(classes)
    assert "classification: a folder a class" in text
    assert row(text, "holds") == "holds 24 images"
    assert row(text, "yes") == "yes 12"
    assert row(text, "patients").startswith("patients unknown")
    assert "this has no masks" in text
    assert "Research use, not for diagnosis" in text
    params = pasted(text)
    assert params.classification.dataset == [str(classes)]
    assert params.prepare == load_params().prepare
    assert params.segmentation.dataset is None
    assert params.evaluate.positive == "yes"


@pytest.mark.usefixtures("repository")
def test_masks_are_counted_and_folders_may_be_classes(masks: Path) -> None:
    text = told(masks)
    assert "segmentation: images with masks" in text
    assert row(text, "masks") == "masks 20 mark something, 4 are empty"
    assert row(text, "patients") == "patients 6"
    assert "would take its 6 folders for classes (p0, p1, p2 and 3 more)" in text
    assert pasted(text).segmentation.dataset == [str(masks)]


@pytest.mark.usefixtures("repository")
def test_masks_without_classes_are_as_it_should_be(tmp_path: Path) -> None:
    for seed in range(3):
        write_image(tmp_path / f"own/{seed}.png", seed)
        write_mask(tmp_path / f"own/{seed}_mask.png")
    assert "\nclassification:" not in told(tmp_path / "own").partition("params.yaml")[0]


@pytest.mark.usefixtures("repository")
def test_a_task_that_is_named_is_the_only_one(masks: Path) -> None:
    text = told(masks, "--task", "classification")
    assert "\nsegmentation:" not in text.partition("params.yaml")[0]
    assert row(text, "p0") == "p0 4"


@pytest.mark.usefixtures("repository")
def test_what_is_wrong_is_listed_and_what_is_not_used_counted(classes: Path) -> None:
    (classes / "yes/1.png").write_bytes(b"?")
    for name in ("notes.txt", "more.TXT", "list.csv"):
        (classes / name).touch()
    text = told(classes)
    assert "! unreadable, 1, left out: yes/1.png: is no whole image" in text
    assert "3 (2 .txt, 1 .csv): no image or volume" in row(text, "not used")


@pytest.mark.usefixtures("repository")
def test_columns_of_a_table_are_told(classes: Path) -> None:
    rows = [f"{label}/{n}.png,{label},{n}" for n, label in ((1, "yes"), (2, "no"), (3, "yes"))]
    (classes / "list.csv").write_text("\n".join(["file,class,subject", *rows]))
    text = shown(classes / "list.csv")
    assert "'file' as path, 'class' as label, 'subject' as patient" in row(text, "columns")
    assert row(text, "patients") == "patients 3"
    assert [row(text, name) for name in ("yes", "no")] == ["yes 2 2", "no 1 1"]


@pytest.mark.usefixtures("repository")
def test_colours_ask_for_three_channels(tmp_path: Path) -> None:
    import numpy as np

    noise = np.random.default_rng(0).integers(0, 256, (12, 20, 20, 3), np.uint8)
    for at, image in enumerate(noise):
        path = tmp_path / "own" / ("yes" if at % 2 else "no") / f"{at}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
    text = told(tmp_path / "own")
    assert pasted(text).prepare.classification.channels == 3
    assert "-S prepare.classification.channels=3" in text


@pytest.mark.usefixtures("repository")
def test_volumes_are_cut_and_their_params_shown(tmp_path: Path) -> None:
    for seed in range(4):
        label = "yes" if seed % 2 else "no"
        write_nifti(tmp_path / f"own/{label}/{seed}.nii.gz", seed)
        write_series(tmp_path / f"own/{label}/s{seed}", seed, f"P{seed}")
    text = told(tmp_path / "own")
    assert row(text, "holds") == "holds 4 NIfTI volumes, 4 DICOM series"
    assert row(text, "patients") == "patients 4; unknown of 24 scans"
    assert pasted(text).volumes == load_params().volumes
    assert "\nvolumes:" in text
    assert "-S volumes" not in text


@pytest.mark.usefixtures("repository")
def test_folders_of_classes_taken_for_patients_are_pointed_out(masks: Path, tmp_path: Path) -> None:
    assert "few_patients" not in told(masks)
    for seed in range(4):
        write_image(tmp_path / f"busi/{'ab'[seed % 2]}/{seed}.png", seed)
        write_mask(tmp_path / f"busi/{'ab'[seed % 2]}/{seed}_mask.png")
    assert "! few_patients: the folders a, b are taken for patients" in shown(tmp_path / "busi")


@pytest.mark.usefixtures("repository")
def test_patients_of_headers_are_counted_and_named_nowhere(tmp_path: Path) -> None:
    for at in range(4):
        write_series(tmp_path / f"own/{'ab'[at % 2]}/s{at}", at, f"P{at % 2}{at // 2}")
    text = shown(tmp_path / "own")
    assert row(text, "patients") == "patients 4"
    assert [row(text, name) for name in "ab"] == ["a 2 2", "b 2 2"]
    assert "few_patients" not in text


@pytest.mark.usefixtures("repository")
def test_readings_are_shown_with_the_params_that_choose_them(
    tmp_path: Path, repository: Path
) -> None:
    for seed, site in enumerate(("berlin", "lyon", "oslo")):
        for label in ("glioma", "meningioma", "normal"):
            for at in range(2):
                write_image(
                    tmp_path / f"own/{site}/{label}/{at}.png", 9 * seed + at + 50 * len(label)
                )
    done = CliRunner().invoke(app, ["data", "check", str(tmp_path / "own")])
    assert done.exit_code == 1
    text = done.output
    assert "  1. classes glioma 6, meningioma 6, normal 6; berlin, lyon, oslo are inst" in text
    named = f"     dvc exp run -S classification.dataset={tmp_path / 'own'}"
    assert f"{named} -S folders.class_level=2 -S folders.patient_level=0\n" in text
    assert "no masks" not in text  # which is true, and helps nobody here
    assert "  3. classes berlin 6, lyon 6, oslo 6" in text
    chosen = "folders: {class_level: 2, patient_level: 0}"
    assert text.count(chosen) == 1
    yaml = YAML(typ="safe")
    values = merged(yaml.load(repository / "params.yaml"), yaml.load(chosen))
    yaml.dump(values, repository / "params.yaml")
    text = told(tmp_path / "own")
    assert [row(text, name) for name in ("glioma", "normal")] == ["glioma 6", "normal 6"]


@pytest.mark.usefixtures("repository")
def test_classes_that_are_numbers_can_be_named(tmp_path: Path, repository: Path) -> None:
    for seed in range(4):
        write_image(tmp_path / f"own/{seed % 2}/{seed}.png", seed)
    assert "-S '++classification.labels={0: healthy}'" in row(shown(tmp_path / "own"), "labels")
    yaml = YAML(typ="safe")
    values = yaml.load(repository / "params.yaml")
    values["classification"]["labels"] = {0: "healthy", 1: "ill"}
    yaml.dump(values, repository / "params.yaml")
    assert "are numbers" not in shown(tmp_path / "own")


@pytest.mark.usefixtures("repository")
def test_classes_beside_masks_are_said_to_be_what_they_are(tmp_path: Path) -> None:
    rows = ["participant_id\tdiagnosis"]
    for at in range(4):
        scan = f"own/sub-{at}/anat/sub-{at}_T1w.nii.gz"
        write_nifti(tmp_path / scan, at)
        write_nifti_mask(
            tmp_path / f"own/derivatives/sub-{at}/anat/sub-{at}_label-lesion_mask.nii.gz"
        )
        rows.append(f"sub-{at}\t{'ab'[at % 2]}")
    (tmp_path / "own/participants.tsv").write_text("\n".join(rows))
    text = told(tmp_path / "own")
    assert "a BIDS tree serves classification as well, with 2 classes (a, b)" in text


@pytest.mark.usefixtures("repository")
def test_masks_of_several_values_are_pointed_out(masks: Path) -> None:

    for path in masks.rglob("*_mask.png"):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) // 64
        mask[:4, :4] = 1
        cv2.imwrite(str(path), mask)
    assert "! mask_values: the masks hold the values 0, 1, 3: any but 0 is marked" in told(masks)
    for path in masks.rglob("*_mask.png"):
        cv2.imwrite(str(path), cv2.GaussianBlur(cv2.imread(str(path)) * 80, (9, 9), 0))
    assert "the masks hold values from 0 to 233: marked is what reaches 116.5" in told(masks)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "does not exist"),
        ("empty", "holds no image"),
        ("list.zip", "is an archive; unpack it"),
        ("case", "get one name where case"),
        ("flat", "has no masks.*; .*has no two folders of classes"),
    ],
)
@pytest.mark.usefixtures("repository")
def test_what_cannot_be_used_is_one_line(tmp_path: Path, name: str, said: str) -> None:
    import re

    (tmp_path / "empty").mkdir()
    (tmp_path / "list.zip").touch()
    write_image(tmp_path / "flat/1.png")
    for path in ("yes/1.png", "yes/1.PNG", "no/1.png"):
        write_image(tmp_path / "case" / path)
    assert re.search(said, refused(tmp_path / name))


def test_without_params_it_is_one_line(
    tmp_path: Path, classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "params.yaml is missing; run from the root" in refused(classes)


@pytest.mark.usefixtures("repository")
def test_nothing_is_written(
    classes: Path, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_nifti(classes / "yes/v.nii")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    before = sorted(tmp_path.rglob("*"))
    told(classes)
    assert sorted(tmp_path.rglob("*")) == before


def test_of_many_only_some_are_looked_into_and_it_says_so(
    classes: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_check, "IMAGES", 6)
    one = check(classes, "classification", load_params())
    assert [item.name for item in one.looked] == [item.name for item in one.reading.items[::4]]
    text = told(classes)
    assert " ".join(row(text, "looked").split()) == "looked into 6 images"
    assert row(text, "yes") == "yes 12"
    assert "tiny_class" not in text


def test_patients_and_changes(masks: Path, params: Params) -> None:
    one = check(masks, "segmentation", params)
    assert patients(one) == (6, 0)
    assert param_overrides([one], params) == {
        "segmentation": {"dataset": str(masks)},
        "classification": {"dataset": None},
    }


def test_a_class_of_which_nothing_can_be_read_is_one_line(classes: Path, params: Params) -> None:
    for path in (classes / "no").iterdir():
        path.write_bytes(b"")
    with pytest.raises(InputError, match="no scan of the class 'no' can be used"):
        check(classes, "classification", params)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "name", ["plain", "with space", "a=b", "it's", "é,[x]", "a\\b", "12", "a:b"]
)
def test_the_command_means_the_same_as_the_params(tmp_path: Path, name: str) -> None:
    for seed in range(6):
        write_image(tmp_path / name / ("yes" if seed % 2 else "no") / f"{seed}.png", seed)
    text = told(tmp_path / name)
    assert pasted(text) == as_dvc_reads_it(text)
    assert load_params().classification.dataset == [str(tmp_path / name)]


@pytest.mark.usefixtures("repository")
def test_a_table_of_r_is_refused_for_its_labels_not_for_masks(tmp_path: Path) -> None:
    write_image(tmp_path / "1.png")
    (tmp_path / "list.csv").write_text('"","file","dx"\n"1","1.png",NA\n')
    assert "line 2: the label 'NA' means a missing value" in refused(tmp_path / "list.csv")
    assert "its columns are file, dx\n" in refused(tmp_path / "list.csv", "--task", "segmentation")


@pytest.mark.usefixtures("repository")
def test_what_all_details_end_with_is_said_once(masks: Path) -> None:
    for path in masks.rglob("*_mask.png"):
        cv2.imwrite(str(path), 255 - cv2.imread(str(path), 0))
    (line,) = (one for one in told(masks).splitlines() if "large_mask" in one)
    assert line.count("is it inverted?") == 1
    assert line.endswith(" and 21 more; is it inverted?")


# -- what the pipeline will refuse ---------------------------------------------------


def images(folder: Path, **counts: int) -> Path:
    """A folder for each class, with different images of nobody known."""
    for first, (label, count) in enumerate(counts.items()):
        for at in range(count):
            write_image(folder / label / f"{at}.png", 100 * first + at)
    return folder


@pytest.mark.usefixtures("repository")
def test_a_class_too_rare_for_the_split_is_refused_with_the_way_out(tmp_path: Path) -> None:
    text = shown(images(tmp_path / "own", glioma=4, normal=4, rare=2))
    assert "class 'rare' has 2 independent groups of scans and needs 3, one for each of" in text
    assert text.splitlines()[-1].startswith("scanvote: the pipeline will refuse")
    whole = f"dataset={tmp_path / 'own'} -S '++classification.labels={{rare: null}}'"
    assert whole in text
    assert "-S evaluate.positive=glioma" in text  # of the two that are left
    assert as_dvc_reads_it(text.replace("    # leaves out rare", "")).classification.labels == {
        "rare": None
    }
    told(tmp_path / "own")  # which params.yaml says now


@pytest.mark.usefixtures("repository")
def test_patients_are_counted_of_masks_and_folds_that_fit_are_offered(
    masks: Path, tmp_path: Path, repository: Path
) -> None:
    for path in masks.rglob("p[2-5]/*"):
        path.unlink()
    assert "slices with tumour come from 2 patients and need 3" in shown(masks)
    for seed in (30, 31):
        write_image(masks / f"p9/{seed}.png", seed)
        write_mask(masks / f"p9/{seed}_mask.png")
    assert "'empty'" not in told(masks)
    yaml = YAML(typ="safe")
    values = yaml.load(repository / "params.yaml")
    values["split"]["folds"] = 5
    yaml.dump(values, repository / "params.yaml")
    text = shown(masks)
    assert "come from 3 patients and need 5, one for each of 5 folds" in text
    assert "-S split.folds=3 -S split.fold=0    # makes 3 folds" in text


@pytest.mark.parametrize(
    ("split", "said", "way"),
    [
        ({"protocol": "official"}, "no scan is of a published test part", "split.protocol=grouped"),
        ({"protocol": "site"}, "no scan tells its institution", "split.protocol=grouped"),
        ({"require_patients": True}, "the patient of 24 of 24 scans", "require_patients=false"),
    ],
)
def test_what_a_protocol_lacks_is_refused(
    classes: Path, repository: Path, split: dict[str, object], said: str, way: str
) -> None:
    yaml = YAML(typ="safe")
    values = yaml.load(repository / "params.yaml")
    values["split"] |= split
    yaml.dump(values, repository / "params.yaml")
    text = shown(classes)
    assert said in text.splitlines()[-1]
    assert way in text


def test_the_tables_of_the_user_are_read_as_deduplicate_reads_them(
    classes: Path, repository: Path
) -> None:
    table = repository / "data/patients/classification.csv"
    table.parent.mkdir(parents=True)
    table.write_text("scan_id,patient\nown/yes/1,p\n")
    assert "not to miss" in told(classes)
    table.write_text("scan_id,patient\nelsewhere/1,p\n")
    assert "'elsewhere/1' is no scan of the manifest" in shown(classes).splitlines()[-1]


@pytest.mark.usefixtures("repository")
def test_of_two_unclear_classes_both_choices_are_shown(tmp_path: Path) -> None:
    text = shown(images(tmp_path / "own", a=4, true=4))
    assert row(text, "not to miss").endswith("a or true? the names do not tell")
    assert [shlex.split(line)[-1] for line in text.splitlines() if "-S" in line] == [
        "evaluate.positive=a",
        'evaluate.positive="true"',  # Hydra would read a truth value
    ]
    assert "without evaluate.positive" in text.splitlines()[-1]


def test_a_class_of_an_earlier_study_does_not_stay(tmp_path: Path, repository: Path) -> None:
    yaml = YAML(typ="safe")
    values = yaml.load(repository / "params.yaml")
    values["evaluate"] |= {"positive": "yes", "negative": "no"}
    yaml.dump(values, repository / "params.yaml")
    text = told(images(tmp_path / "own", glioma=4, normal=4, other=4))
    assert as_dvc_reads_it(text).evaluate.positive is None
    assert load_params().evaluate.negative == "normal"


@pytest.mark.usefixtures("repository")
def test_a_folder_that_holds_the_pipeline_is_refused(tmp_path: Path) -> None:
    assert "holds data/raw/classification itself" in refused(
        *(tmp_path, "--task", "classification")
    )
