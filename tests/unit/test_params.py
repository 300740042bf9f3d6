"""params.yaml: read as it is meant, and one line for whatever is wrong in it."""

from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from pydantic import ValidationError

from scanvote.core.errors import InputError
from scanvote.params import Params, Section, load_params

REPOSITORY = Path(__file__).parents[2] / "params.yaml"
TEXT = REPOSITORY.read_text(encoding="utf-8")
IXI = "ixi:\n  contrasts:\n  - T1\n  - T2\n  - PD\n"


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """params.yaml with the first `old` replaced."""
    assert old in TEXT
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return path


def fault(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_params(path)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_the_repository_has_valid_params() -> None:
    params = load_params(REPOSITORY)
    assert params.split.test + params.split.validation < 1
    assert params.ensemble.top == 3


@pytest.mark.parametrize("text", ["1e-4", "1.0e-4", "0.0001", "1E-4"])
def test_a_learning_rate_is_a_number_however_it_is_written(tmp_path: Path, text: str) -> None:
    assert load_params(changed(tmp_path, "lr: 0.001", f"lr: {text}")).lr == 1e-4


def test_a_whole_number_will_do_for_a_share(tmp_path: Path) -> None:
    assert load_params(changed(tmp_path, "zoom: 0.1", "zoom: 0")).prepare.augment.zoom == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\nlr:", "\nlr2:", "lr2 is no known key; did you mean 'lr'?"),
        ("\nunet:", "\nunett:", "unett is no known key; did you mean 'unet'?"),
        ("epochs:", "epoch:", "search.epoch is no known key; did you mean 'epochs'?"),
        ("rotation:", "rotatoin:", "prepare.augment.rotatoin is no known key; did you mean"),
        ("  test: 0.2", "  testing: 0.2", "split.testing is no known key; did you mean 'test'?"),
        ("seed: 2021", "seed: 2021\nzzz: 1", "zzz is no known key; known are ann, backend"),
        ("seed: 2021", "", "seed is missing"),
        ("    crop: true", "    # crop", "prepare.classification.crop is missing"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert fault(changed(tmp_path, old, new)).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("lr: 0.001", "lr: fast", "lr"),
        ("lr: 0.001", "lr: '1e-4'", "lr"),
        ("lr: 0.001", "lr: true", "lr"),
        ("lr: 0.001", "lr: null", "lr"),
        ("seed: 2021", "seed: 1.5", "seed"),
        ("seed: 2021", "seed: false", "seed"),
        ("crop: true", "crop: yes", "prepare.classification.crop"),  # text in YAML 1.2
        ("crop: true", "crop: 1", "prepare.classification.crop"),
        ("  mirror: ", "  mirror: 5 ", "download.mirror"),
        ("epochs: 8", "epochs: 1e1", "search.epochs"),
        ("units:\n  - 32\n  - 64\n  - 128", "units: 32", "ann.units"),
        ("  - 64\n  - 128", "  - many", "ann.units.1"),
        ("\n  - EfficientNetLite0", " EfficientNetLite0", "transfer.backbones"),
        (IXI, "ixi: 12\n", "ixi"),
        (IXI, "ixi:\n", "ixi"),
    ],
)
def test_a_wrong_type_is_named_with_its_value(tmp_path: Path, old: str, new: str, key: str) -> None:
    message = fault(changed(tmp_path, old, new))
    assert message.startswith(f"{key}: should be ")
    assert ", is " in message


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("lr: 0.001", "lr: 0", "lr"),
        ("lr: 0.001", "lr: -1e-3", "lr"),
        ("lr: 0.001", "lr: 10", "lr"),
        ("lr: 0.001", "lr: .nan", "lr"),
        ("lr: 0.001", "lr: .inf", "lr"),
        ("seed: 2021", "seed: -1", "seed"),
        ("backend: tensorflow", "backend: torch", "backend"),
        ("shortlist: 10", "shortlist: 65", "deduplicate.shortlist"),
        ("correlation: 0.98", "correlation: 1.0", "deduplicate.correlation"),
        ("aligned: 0.998", "aligned: 1.5", "deduplicate.aligned"),
        ("test: 0.2", "test: 0", "split.test"),
        ("image_size: 112", "image_size: 8", "prepare.classification.image_size"),
        ("channels: 1", "channels: 2", "prepare.classification.channels"),
        ("copies: 0", "copies: -1", "prepare.classification.copies"),
        ("rotation: 15", "rotation: 181", "prepare.augment.rotation"),
        ("shift: 0.05", "shift: 1", "prepare.augment.shift"),
        ("algorithm: random", "algorithm: bayes", "search.algorithm"),
        ("batch_size: 32", "batch_size: 0", "search.batch_size"),
        ("rule: majority", "rule: best", "ensemble.rule"),
        ("- occlusion", "- shap", "explain.methods.0"),
        ("window: 0.2", "window: 1.5", "explain.window"),
        *(
            ("name: scanvote", f"name: {name}", "package.name")
            for name in ("a:b", "a/b", "a?b", "'a%b'", "'a#b'", "'@b'", "'a '", "..", "x" * 201)
        ),
        ("name: scanvote", "name: ''", "package.name"),
        ("objective: macro_f1", "objective: f1", "search.objective"),
        ("dropout: 0.25", "dropout: 1", "ann.dropout"),
        ("\n  - EfficientNetLite0", " []", "transfer.backbones"),
        ("thaw: 0.45", "thaw: 1.5", "transfer.thaw"),
        ("thaw: 0.45", "thaw: true", "transfer.thaw"),
        ("loss: bce_dice", "loss: jaccard", "unet.loss.0"),
        ("loss: bce_dice", "loss: [bce, dice]", "unet"),
        ("weights: none          # of an encoder", "weights: imagenet #", "unet"),
        ("intensity_of: scan", "intensity_of: series", "prepare.classification"),
        ("- 0\n    - 20", "- -1", "unet.postprocess.smallest.0"),
        ("top: 3", "top: 0", "ensemble.top"),
        ("patients: 440", "patients: 3", "phantom.classification.patients"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert fault(changed(tmp_path, old, new)).startswith(f"{key}: ")


def test_nothing_left_to_train_on_is_told(tmp_path: Path) -> None:
    message = fault(changed(tmp_path, "test: 0.2", "test: 0.84"))
    assert message == "split: test and validation together leave nothing to train on"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no mapping"),
        (b"- lr\n- seed\n", "holds no mapping"),
        (b"lr", "holds no mapping"),
        (b"lr: [1", "is not YAML"),
        (b"lr: 1\nlr: 2\n", "is not YAML"),
        (b"\xff\xfe\xff", "is not YAML"),
        (b"lr: !!python/object/apply:os.getcwd []\n", "is not YAML"),
    ],
)
def test_what_is_no_mapping_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    assert fault(path).startswith(f"{path} {message}")


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    assert "is missing; run from the root" in fault(tmp_path / "params.yaml")


def test_numbers_and_truth_values_name_classes(tmp_path: Path) -> None:
    text = "labels: {0: healthy, 2: 3, 1.5: x, true: y, no: z, null: none}"
    labels = load_params(changed(tmp_path, "labels: {}", text)).classification.labels
    assert labels == {
        **{"0": "healthy", "2": "3", "1.5": "x"},
        **{"true": "y", "no": "z", "null": "none"},
    }


def test_nothing_after_the_colon_is_null(params: Params) -> None:
    assert params.evaluate.positive is params.evaluate.negative is params.download.mirror is None


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_a_study_may_leave_one_task_out(tmp_path: Path, task: str) -> None:
    path = changed(tmp_path, f"{task}:\n  dataset: phantom", f"{task}:\n  dataset: null")
    assert load_params(path).tasks == tuple({"classification", "segmentation"} - {task})


def test_a_study_of_no_task_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT.replace("  dataset: phantom", "  dataset:"), encoding="utf-8")
    assert fault(path).startswith("classification.dataset and segmentation.dataset are both null")


@pytest.mark.parametrize(
    ("line", "value"), [("    missing: 0.0", "0.3"), ("    per_channel: false", "true")]
)
def test_a_change_of_contrasts_needs_a_scan_that_has_them(
    tmp_path: Path, line: str, value: str
) -> None:
    text = TEXT.replace(line, f"{line.rpartition(' ')[0]} {value}")
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    assert fault(path).startswith("prepare.augment: missing and per_channel are for scans of three")
    first = "image_size: 112      # height and width in pixels after the crop\n    channels: "
    path.write_text(text.replace(f"{first}1", f"{first}3"), encoding="utf-8")
    assert load_params(path).prepare.classification.channels == 3


@pytest.mark.parametrize(
    ("line", "value"), [("    missing: 0.0", "0.3"), ("    per_channel: false", "true")]
)
def test_a_change_of_contrasts_is_refused_for_grey_slices_of_the_unet(
    tmp_path: Path, line: str, value: str
) -> None:
    changed_line = TEXT.replace(line, f"{line.rpartition(' ')[0]} {value}")
    coloured = changed_line.replace("    channels: 1", "    channels: 3", 1)
    head, unet, tail = coloured.partition("\nunet:")
    path = tmp_path / "params.yaml"
    path.write_text(head + unet + tail.replace("  augment: false", "  augment: true", 1))
    assert "those of segmentation have 1 channel" in fault(path)


def test_dvc_writes_the_file_as_it_stands(tmp_path: Path) -> None:
    """So that `dvc exp run -S` changes the lines of what it sets, and no other."""
    path = tmp_path / "params.yaml"
    path.write_text(TEXT, encoding="utf-8")
    apply_overrides(path, ["lr=1e-4", "unet.patience=3"])
    old, new = TEXT.splitlines(), path.read_text(encoding="utf-8").splitlines()
    lines = [(one, other) for one, other in zip(old, new, strict=True) if one != other]
    assert [line.partition("#")[0].strip() for _, line in lines] == [
        "lr: 0.0001",
        "patience: 3",
    ]
    assert lines[0][1] == lines[0][0].replace("0.001 ", "0.0001")  # its comment where it was


def test_params_do_not_change(params: Params) -> None:
    with pytest.raises(ValidationError):
        params.search.epochs = 3


def test_no_key_is_one_that_the_run_cache_of_dvc_overlooks() -> None:
    def keys(section: type[Section]) -> set[str]:
        inner = [field.annotation for field in section.model_fields.values()]
        below = [keys(one) for one in inner if isinstance(one, type) and issubclass(one, Section)]
        return set(section.model_fields).union(*below)

    assert "image_size" in keys(Params)
    assert not keys(Params) & {"size", "nfiles"}
