#!/usr/bin/env bash
# SimpleITK reads MetaImage without its intensity slope, and NRRD without its unit of length.
#
# Version: SimpleITK 2.5.7.
# Behaviour: a .mha with ElementToIntensityFunctionSlope 2 and Offset 10 gives the stored integers,
#   and a .nrrd with space units "um" gives its micrometres as if they were millimetres. Neither
#   is among the image's metadata keys, so a program cannot even ask.
# Why it matters: Hounsfield units come out wrong by that slope, and areas in mm² by a factor of a
#   million. Whoever reads these formats with ITK has to look into the text of the header first.
# Source: MetaIO documentation (ElementToIntensityFunctionSlope); NRRD format, section "space units".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check "simpleitk==2.5.7" "numpy<2.5"
cat > "$folder/read.py" <<'PYTHON'
import sys

import numpy as np
import SimpleITK as sitk

folder = sys.argv[1]
voxels = np.arange(8, dtype="<i2")
mha = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
CompressedData = False
Offset = 0 0 0
ElementSpacing = 1 1 1
DimSize = 2 2 2
ElementToIntensityFunctionSlope = 2
ElementToIntensityFunctionOffset = 10
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""
nrrd = """NRRD0005
type: short
dimension: 3
space: left-posterior-superior
sizes: 2 2 2
space directions: (500,0,0) (0,500,0) (0,0,500)
space origin: (0,0,0)
space units: "um" "um" "um"
endian: little
encoding: raw

"""
for name, text in (("a.mha", mha), ("a.nrrd", nrrd)):
    with open(f"{folder}/{name}", "wb") as file:
        file.write(text.encode() + voxels.tobytes())
slope, units = (sitk.ReadImage(f"{folder}/{name}") for name in ("a.mha", "a.nrrd"))
values = sitk.GetArrayFromImage(slope).ravel()
print("the .mha means", (2 * voxels + 10).tolist(), "and gives", values.tolist())
print("the .nrrd has voxels of 0.5 mm and gives", units.GetSpacing())
keys = " ".join(slope.GetMetaDataKeys() + units.GetMetaDataKeys())
same = values.tolist() == voxels.tolist() and units.GetSpacing() == (500.0, 500.0, 500.0)
sys.exit(0 if same and "ntensity" not in keys and "units" not in keys else "this has changed")
PYTHON
"$folder/env/bin/python" "$folder/read.py" "$folder"
