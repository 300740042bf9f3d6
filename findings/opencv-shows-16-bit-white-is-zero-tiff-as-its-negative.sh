#!/usr/bin/env bash
# OpenCV inverts a grey TIFF whose zero is white at 8 bits, and forgets to at 16.
#
# Version: opencv-python-headless 5.0.0.93; tifffile 2026.3.3 writes the files.
# Behaviour: PhotometricInterpretation 0 (WhiteIsZero) means that 0 is shown white. OpenCV turns
#   8-bit files round, and returns 16-bit files as they are stored.
# Why it matters: film digitisers and some PACS exports write radiographs so. Of a set with files
#   of both depths, half become negatives, and the depth may go with the class.
# Source: TIFF 6.0, section 3, PhotometricInterpretation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  "opencv-python-headless==5.0.0.93" "tifffile==2026.3.3" "numpy<2.5"
cat > "$folder/decode.py" <<'PYTHON'
import sys

import cv2
import numpy as np
import tifffile

ends = {}
for depth in ("uint8", "uint16"):
    ramp = np.tile(np.linspace(0, np.iinfo(depth).max, 64).astype(depth), (64, 1))
    tifffile.imwrite(f"{sys.argv[1]}/{depth}.tif", ramp, photometric="miniswhite")
    pixels = cv2.imread(f"{sys.argv[1]}/{depth}.tif", cv2.IMREAD_UNCHANGED)
    ends[depth] = int(pixels[0, 0]), int(pixels[0, -1])
    print(f"{depth}: stored 0 and its maximum, which mean white and black, come as {ends[depth]}")
sys.exit(0 if ends == {"uint8": (255, 0), "uint16": (0, 65535)} else "this has changed")
PYTHON
"$folder/env/bin/python" "$folder/decode.py" "$folder"
