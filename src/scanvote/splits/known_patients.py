"""Counts of known patients in a split, and the claims they allow."""

from dataclasses import dataclass

import pandas as pd

from scanvote.splits.groups import SPLITS


@dataclass(frozen=True)
class KnownPatients:
    """Knowledge about the patients of a split.

    Attributes:
        scans: number of scans, by split.
        known: number of scans with a known patient, by split.
        shared: test scans whose patient is known to be in training or validation too.
        grouped: whether no group (a patient, copies, look-alikes…) is in two splits.
    """

    scans: dict[str, int]
    known: dict[str, int]
    shared: int
    grouped: bool

    @classmethod
    def of(cls, manifest: pd.DataFrame) -> "KnownPatients":
        """Count the rows of a manifest with `split`, `group` and `patient`.

        An unknown patient is an empty text.
        """
        split, patient, group = (manifest[name] for name in ("split", "patient", "group"))
        test = (split == "test") & (patient != "")
        return cls(
            {name: int((split == name).sum()) for name in SPLITS},
            {name: int(((split == name) & (patient != "")).sum()) for name in SPLITS},
            int(patient[test].isin(set(patient[split != "test"])).sum()),
            bool((split.groupby(group).nunique() <= 1).all()),
        )

    @property
    def all_known(self) -> bool:
        return self.known == self.scans

    @property
    def patient_disjoint(self) -> bool:
        """Certainty that no patient is in two splits."""
        return self.all_known and self.grouped and not self.shared

    @property
    def unknown_share(self) -> float:
        """Share of scans of unknown patients, where the audit is blind."""
        scans = sum(self.scans.values())
        return round(1 - sum(self.known.values()) / scans, 4) if scans else 0.0

    def metrics(self) -> dict[str, float]:
        """Return flat metrics: scans of known patients by split, unknown share."""
        counts = {f"{split}_scans_patient_known": self.known[split] for split in SPLITS}
        return counts | {
            "test_scans_patient_shared": self.shared,
            "audit_blind_share": self.unknown_share,
        }

    def test_metrics(self) -> dict[str, float]:
        """Return the metrics of the test scans."""
        return {name: value for name, value in self.metrics().items() if name.startswith("test_")}

    def audit_words(self) -> str:
        """State the share of scans whose patient the audit does not know."""
        if self.all_known:
            return "The audit knows the patient of every scan."
        share = f"{self.unknown_share:.1%}"
        return f"The audit is blind for {share} of the scans: it cannot see whose they are."

    def sentence(self) -> str:
        """State what the split can claim, for reports, cards and pages."""
        if self.patient_disjoint:
            return (
                "Patient-disjoint: the patient of every scan is known, and nobody is on two sides."
            )
        return " ".join(filter(None, (self._shared(), self._unknown())))

    def short(self) -> str:
        """State the same in a few words, for a table cell."""
        return "patient-disjoint" if self.patient_disjoint else self._shared_short() + self._ratio()

    def _shared(self) -> str:
        if self.all_known and not self.shared:
            return "Not patient-disjoint: copies or scans of one patient stand in two splits."
        if not self.shared:
            return ""
        return (
            f"Not patient-disjoint: {self.shared:,} of {self.scans['test']:,} test scans are of"
            " patients who are also in training or validation."
        )

    def _unknown(self) -> str:
        if self.all_known:
            return ""
        side = "test" if self.known["test"] < self.scans["test"] else "training and validation"
        parts = ("test",) if side == "test" else ("train", "validation")
        scans, known = (sum(table[part] for part in parts) for table in (self.scans, self.known))
        consequence = (
            "look-alikes are kept together, slices of one patient mostly are not."
            if self.grouped
            else "copies, look-alikes and slices of one patient may be on both sides."
        )
        return f"Patients unknown for {scans - known:,} of {scans:,} {side} scans: {consequence}"

    def _shared_short(self) -> str:
        return f"{self.shared:,} test scans of patients in training; " if self.shared else ""

    def _ratio(self) -> str:
        return f"patients known of {self.known['test']:,} of {self.scans['test']:,} test scans"


def protocol_words(protocol: str, known: int, scans: int) -> str:
    """Name a protocol of the stage `inflation`, with its kind of groups.

    Args:
        protocol: its key.
        known: number of scans with a known patient.
        scans: number of all scans.
    """
    by = "patients" if known == scans else "patients where known, else look-alikes"
    words = {
        "grouped": f"grouped by {by if known else 'look-alikes'}",
        "look_alikes": "grouped by look-alikes alone",
        "official_as_published": "official, leaks left in",
        "inflation": "difference: random less grouped",
        "inflation_look_alikes": "difference: look-alikes alone less grouped",
    }
    return words.get(protocol, protocol.replace("_", " "))
