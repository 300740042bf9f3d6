"""The phantom: generated brain scans with known truth, without network or patients.

The scans are slices of the MNI ICBM152 template, deformed for each patient, with a lesion of
the class, a contrast, a plane, a bias field and noise. Some typical errors of real sets are
then planted and recorded.
"""
