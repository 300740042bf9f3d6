"""What may be said of a split, by what is known of its patients."""

import pandas as pd

from scanvote.splits.known_patients import KnownPatients, protocol_words


def known(*rows: tuple[str, str, int]) -> KnownPatients:
    return KnownPatients.of(pd.DataFrame(rows, columns=["split", "patient", "group"]))


WHOLE = (("train", "a", 0), ("validation", "b", 1), ("test", "c", 2), ("test", "c", 2))


def test_only_a_split_of_known_patients_is_called_patient_disjoint() -> None:
    assert known(*WHOLE).sentence().startswith("Patient-disjoint")
    for blind in (("test", "", 3), ("train", "", 3)):
        assert "atient-disjoint" not in known(*WHOLE, blind).sentence()


def test_the_scans_of_unknown_patients_are_counted_out() -> None:
    told = known(*WHOLE, ("test", "", 3), ("train", "", 4))
    assert told.sentence() == (
        "Patients unknown for 1 of 3 test scans: look-alikes are kept together, slices of one"
        " patient mostly are not."
    )
    assert told.metrics() == {
        "train_scans_patient_known": 1,
        "validation_scans_patient_known": 1,
        "test_scans_patient_known": 2,
        "test_scans_patient_shared": 0,
        "audit_blind_share": round(2 / 6, 4),
    }


def test_unknown_patients_in_training_alone_are_told() -> None:
    told = known(*WHOLE, ("train", "", 3)).sentence()
    assert told.startswith("Patients unknown for 1 of 3 training and validation scans")


def test_a_patient_on_two_sides_is_told_before_all_else() -> None:
    told = known(*WHOLE, ("train", "c", 3))
    assert not told.patient_disjoint
    assert told.sentence().startswith("Not patient-disjoint: 2 of 2 test scans")


def test_a_patient_in_training_and_validation_is_told_too() -> None:
    told = known(*WHOLE, ("train", "b", 1))
    assert told.shared == 0
    assert told.sentence().startswith("Not patient-disjoint: copies or scans of one patient")


def test_copies_under_two_names_on_two_sides_are_not_disjoint() -> None:
    assert not known(*WHOLE, ("test", "d", 5), ("train", "e", 5)).patient_disjoint


def test_a_split_that_parts_groups_does_not_say_that_look_alikes_are_kept_together() -> None:
    told = known(*WHOLE, ("test", "", 3), ("train", "", 3))
    assert "kept together" not in told.sentence()


def test_the_metrics_of_the_test_are_those_of_all_splits() -> None:
    told = known(*WHOLE, ("test", "", 3), ("train", "c", 4))
    assert told.test_metrics() == {"test_scans_patient_known": 2, "test_scans_patient_shared": 2}
    assert told.test_metrics().items() <= told.metrics().items()


def test_a_group_is_called_what_it_is_made_of() -> None:
    assert protocol_words("grouped", 9, 9) == "grouped by patients"
    assert protocol_words("grouped", 1, 9) == "grouped by patients where known, else look-alikes"
    assert protocol_words("grouped", 0, 9) == "grouped by look-alikes"
