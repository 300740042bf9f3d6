"""What a BIDS tree is taken for."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from scanvote.core.errors import InputError
from scanvote.datasets.user_data import read_layout
from scanvote.datasets.user_data.layout import DatasetLayout
from scanvote.params import Params, Task
from tests.making import write_series

Own = Callable[..., Params]


def bids(root: Path, *names: str, people: Sequence[str] = ()) -> Path:
    """Empty files, and the lines of participants.tsv, blanks for tabs."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    if people:
        text = "".join(f"{line}\n".replace(" ", "\t") for line in people)
        (root / "participants.tsv").write_text(text)
    return root


def read(root: Path, own: Own, task: Task = "segmentation") -> DatasetLayout:
    return read_layout(root, task, own(task, root))


def anat(subject: str, *ends: str, session: str = "") -> list[str]:
    folder = f"sub-{subject}/{session}/anat" if session else f"sub-{subject}/anat"
    start = f"sub-{subject}_{session}_" if session else f"sub-{subject}_"
    return [f"{folder}/{start}{end}.nii.gz" for end in ends]


def masked(layout: DatasetLayout) -> dict[str, str]:
    """The suffix of each scan with its mask's file name."""
    return {
        item.name.rsplit("/", 1)[1].removesuffix(".nii.gz"): item.mask_name.rsplit("/", 1)[-1]
        for item in layout.items
        if item.mask
    }


GROUPS = ("participant_id age sex group", "sub-01 40 F ill", "sub-1 50 M well", "sub-02 n/a M n/a")


def test_the_subject_is_the_patient_and_the_class_is_in_the_table(tmp_path: Path, own: Own) -> None:
    names = [*anat("01", "T1w", session="ses-1"), *anat("01", "T1w", "FLAIR", session="ses-2")]
    layout = read(bids(tmp_path, *names, *anat("1", "T1w"), people=GROUPS), own, "classification")
    assert [(item.patient, item.case, item.label) for item in layout.items] == [
        ("sub-01", "sub-01/ses-1", "ill"),
        ("sub-01", "sub-01/ses-2", "ill"),
        ("sub-01", "sub-01/ses-2", "ill"),
        ("sub-1", "sub-1", "well"),
    ]
    assert layout.items[0].facts == {"contrast": "T1w", "age": "40", "sex": "F"}
    assert "class: the column 'group' of participants.tsv" in layout.notes


def test_who_has_no_class_is_left_out(tmp_path: Path, own: Own) -> None:
    names = [name for one in ("01", "1", "02", "09") for name in anat(one, "T1w")]
    layout = read(bids(tmp_path, *names, people=GROUPS), own, "classification")
    assert {item.patient for item in layout.items} == {"sub-01", "sub-1"}
    assert {(one.name, one.reason) for one in layout.skipped} == {
        ("sub-02/anat/sub-02_T1w.nii.gz", "participants.tsv tells no group of sub-02"),
        ("sub-09/anat/sub-09_T1w.nii.gz", "participants.tsv tells no group of sub-09"),
    }


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ((), "without participants.tsv, so the classes are not known; write a table"),
        (
            ("participant_id age sex", "sub-01 40 F", "sub-1 50 M"),
            "has none that is the class; its columns are age, sex. Write a table",
        ),
        (("participant_id group", "sub-01 a", "sub-1 a"), "has none that is the class"),
        (
            ("participant_id group dx", "sub-01 a x", "sub-1 b y"),
            r"has several columns that may be \(group, dx\) the class",
        ),
        (("participant_id group", "sub-01 AD", "sub-1 ad"), "differ only in case"),
        (("participant_id group", "sub-01 a", "sub-01 b"), "row 3: sub-01 has another row"),
        (("participant_id group", "sub-01 a b", "sub-1 b"), "row 2: 3 values under 2 columns"),
        (("subject group", "sub-01 a", "sub-1 b"), "has no column participant_id"),
    ],
)
def test_no_single_class_is_one_line(
    tmp_path: Path, own: Own, people: Sequence[str], said: str
) -> None:
    root = bids(tmp_path, *anat("01", "T1w"), *anat("1", "T1w"), people=people)
    with pytest.raises(InputError, match=said):
        read(root, own, "classification")


def test_a_mask_is_of_all_contrasts_of_its_session(tmp_path: Path, own: Own) -> None:
    names = [*anat("01", "T1w", "FLAIR", "mask", session="ses-1"), *anat("02", "T1w")]
    layout = read(bids(tmp_path, *names), own)
    assert masked(layout) == {
        "sub-01_ses-1_T1w": "sub-01_ses-1_mask.nii.gz",
        "sub-01_ses-1_FLAIR": "sub-01_ses-1_mask.nii.gz",
    }
    assert len({item.case for item in layout.items if item.patient == "sub-01"}) == 1


@pytest.mark.parametrize(
    "mask",
    [
        "derivatives/labels/sub-01/anat/sub-01_T1w_seg.nii.gz",
        "derivatives/manual_masks/sub-01/anat/sub-01_T1w_label-lesion_roi.nii.gz",
        "derivatives/labels/sub-01/anat/sub-01_T1w_lesion-manual.nii.gz",
        "derivatives/x/sub-01/anat/sub-01_space-T1w_dseg.nii.gz",
        "derivatives/sub-01/sub-01_space-orig_mod-T1w_msk.nii.gz",
        "sub-01/anat/sub-01_T1w_label-L_desc-T1lesion_mask.nii.gz",
    ],
)
def test_a_mask_that_names_a_contrast_is_its_own(tmp_path: Path, own: Own, mask: str) -> None:
    layout = read(bids(tmp_path, *anat("01", "T1w", "T2w"), mask), own)
    assert masked(layout) == {"sub-01_T1w": mask.rsplit("/", 1)[1]}


def test_masks_of_another_session_run_or_space_are_not_taken(tmp_path: Path, own: Own) -> None:
    names = [
        *anat("01", "run-1_T1w", "run-2_T1w", "run-2_mask", session="ses-1"),
        *anat("01", "T1w", session="ses-2"),
        "derivatives/x/sub-01/ses-2/anat/sub-01_ses-2_space-MNI_label-lesion_mask.nii.gz",
    ]
    layout = read(bids(tmp_path, *names), own)
    assert masked(layout) == {"sub-01_ses-1_run-2_T1w": "sub-01_ses-1_run-2_mask.nii.gz"}
    assert [one.name.rsplit("/", 1)[1] for one in layout.skipped] == [
        "sub-01_ses-2_space-MNI_label-lesion_mask.nii.gz"
    ]


def test_masks_of_the_brain_and_derived_images_are_left_out(tmp_path: Path, own: Own) -> None:
    others = [
        "derivatives/fmriprep/sub-01/anat/sub-01_dseg.nii.gz",
        "derivatives/bet/sub-01/anat/sub-01_desc-brain_mask.nii.gz",
        "derivatives/seg/sub-01/anat/sub-01_label-GM_probseg.nii.gz",
        "derivatives/n4/sub-01/anat/sub-01_desc-n4_T1w.nii.gz",
        "sub-01/anat/sub-01_mod-T1w_defacemask.nii.gz",
        "sub-01/func/sub-01_task-rest_bold.nii.gz",
        "sourcedata/sub-01/sub-01_T1w.nii.gz",
    ]
    root = bids(tmp_path, *anat("01", "T1w", "label-lesion_mask"), *others)
    layout = read(root, own)
    assert masked(layout) == {"sub-01_T1w": "sub-01_label-lesion_mask.nii.gz"}
    assert len(layout.items) == 1
    assert {one.name for one in layout.skipped} == set(others)


def test_of_several_masks_the_one_of_the_lesion_is_taken(tmp_path: Path, own: Own) -> None:
    layout = read(bids(tmp_path, *anat("01", "T1w", "label-tumour_mask", "label-eye_mask")), own)
    assert masked(layout) == {"sub-01_T1w": "sub-01_label-tumour_mask.nii.gz"}
    root = bids(tmp_path / "two", *anat("01", "T1w", "label-a_mask", "label-b_mask"))
    with pytest.raises(InputError, match=r"sub-01_T1w.nii.gz has several masks .*; join them"):
        read(root, own)


@pytest.mark.parametrize("twin", ["T1w_Eq", "T1w_Eq_1", "T1w_Tilt_Eq_1"])
def test_of_a_scan_and_its_even_copy_the_copy_is_taken(tmp_path: Path, own: Own, twin: str) -> None:
    layout = read(bids(tmp_path, *anat("01", "T1w", twin, "mask")), own)
    assert masked(layout) == {f"sub-01_{twin}": "sub-01_mask.nii.gz"}
    assert [one.name for one in layout.skipped] == anat("01", "T1w")


def test_diffusion_of_several_directions_is_left_out(tmp_path: Path, own: Own) -> None:
    root = bids(tmp_path, "sub-01/dwi/sub-01_dwi.nii.gz", *anat("01", "T1w", "mask"))
    assert len(masked(read(root, own))) == 2  # ISLES has trace images of that name
    (root / "sub-01/dwi/sub-01_dwi.bval").write_text("0 1000")
    assert list(masked(read(root, own))) == ["sub-01_T1w"]


def test_names_and_folders_that_disagree_are_told(tmp_path: Path, own: Own) -> None:
    root = bids(tmp_path, *anat("01", "T1w", "mask"), "sub-01/anat/sub-02_T1w.nii.gz")
    assert [(one.name, one.reason) for one in read(root, own).skipped] == [
        ("sub-01/anat/sub-02_T1w.nii.gz", "its name says sub-02, its folder sub-01")
    ]


def test_no_masks_and_no_scans_are_one_line(tmp_path: Path, own: Own) -> None:
    root = bids(tmp_path / "a", *anat("01", "T1w", "desc-brain_mask"))
    with pytest.raises(InputError, match=r"without masks of its scans; .*a mask of the brain"):
        read(root, own)
    root = bids(tmp_path / "b", "sub-01/func/sub-01_bold.nii.gz")
    with pytest.raises(InputError, match=r"without a scan .*suffix bold.*write a table"):
        read(root, own)


def test_pictures_and_series_without_names_of_bids_are_scans(tmp_path: Path, own: Own) -> None:
    people = ("participant_id group", "sub-01 ill", "sub-02 well")
    root = bids(tmp_path, "sub-02/ses-1/1.png", "sub-02/ses-2/2.png", people=people)
    write_series(root / "sub-01/ses-1/T1", patient="ANONYMOUS")
    items = read(root, own, "classification").items
    assert [(item.patient, item.case, item.label, len(item.files)) for item in items] == [
        ("sub-02", "sub-02/ses-1", "well", 1),
        ("sub-02", "sub-02/ses-2", "well", 1),
        ("sub-01", "sub-01/ses-1", "ill", 12),
    ]
    assert all(item.listed for item in items)  # the header does not overrule the subject


def test_pictures_with_masks_of_subjects_are_paired_by_name(tmp_path: Path, own: Own) -> None:
    names = [
        f"sub-0{one}/{two}{end}.png" for one in (1, 2) for two in "ab" for end in ("", "_mask")
    ]
    layout = read(bids(tmp_path, *names), own)
    assert layout.kind == "images with masks in the same folder, by a suffix"
    assert {item.patient for item in layout.items} == {"sub-01", "sub-02"}


def test_subjects_below_classes_are_no_bids_tree(tmp_path: Path, own: Own) -> None:
    root = bids(tmp_path, "yes/sub-01/a.nii.gz", "no/sub-02/b.nii.gz")
    layout = read(root, own, "classification")
    assert {(item.label, item.patient) for item in layout.items} == {
        ("yes", "sub-01"),
        ("no", "sub-02"),
    }
