#!/usr/bin/env bash
# OpenCV 5.0.0 decodes a TIFF of three 16-bit samples to wrong pixels when asked for RGB.
#
# Version: opencv-python-headless 5.0.0.93; tifffile 2026.3.3 writes the file.
# Behaviour: imdecode with IMREAD_ANYDEPTH | IMREAD_COLOR_RGB returns other values than the file
#   has, without an error; with IMREAD_COLOR the same file comes out right, in the order BGR. If
#   the planes are stored apart (PlanarConfiguration 2), every flag gives wrong values.
# Why it matters: microscopes, slide scanners and some exports of MRI contrasts write such files.
#   A model trained on them learns stripes, and nothing says so.
# Source: tags 258, 262 and 284 of TIFF 6.0; seen while comparing decoders over depths and formats.
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

folder = sys.argv[1]
ramp = np.tile(np.arange(64, dtype=np.uint16) * 1000, (64, 1))
image = np.stack([ramp, ramp.T, ramp // 2], axis=-1)
tifffile.imwrite(f"{folder}/together.tif", image, photometric="rgb")
planes = np.ascontiguousarray(image.transpose(2, 0, 1))
tifffile.imwrite(f"{folder}/apart.tif", planes, photometric="rgb", planarconfig="separate")


def right(name: str, flag: int) -> float:
    pixels = cv2.imdecode(np.fromfile(f"{folder}/{name}.tif", np.uint8), cv2.IMREAD_ANYDEPTH | flag)
    return float((pixels == (image if flag == cv2.IMREAD_COLOR_RGB else image[..., ::-1])).mean())


print(f"right values: asked for RGB {right('together', cv2.IMREAD_COLOR_RGB):.1%},"
      f" for BGR {right('together', cv2.IMREAD_COLOR):.1%},"
      f" planes apart for BGR {right('apart', cv2.IMREAD_COLOR):.1%}")
still = right("together", cv2.IMREAD_COLOR_RGB) < 0.5 < right("together", cv2.IMREAD_COLOR)
sys.exit(0 if still and right("apart", cv2.IMREAD_COLOR) < 0.5 else "this has changed")
PYTHON
"$folder/env/bin/python" "$folder/decode.py" "$folder"
