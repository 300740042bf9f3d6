"""The phantom: generated brain scans with known truth; no network, no patient.

Slices of the MNI ICBM152 template, deformed for each patient, with a lesion of
the class, a contrast, a plane, a bias field and noise; then some of what makes
real sets difficult is planted and written down.
"""
