#!/usr/bin/env bash
# pydicom says that JPEG Extended can be decoded when no plugin at hand decodes its 12 bits.
#
# Version: pydicom 3.0.2 with Pillow 12.0.0 and python-gdcm 3.2.6.
# Behaviour: the decoder of JPEG Extended (1.2.840.10008.1.2.4.51) is "available" through gdcm and
#   pillow. Both take its 8-bit form alone; a 12-bit file, the reason why the syntax exists, raises.
#   Availability is asked by syntax, and the depth of the file does not enter.
# Why it matters: a program that asks first, to answer "not supported, convert it" instead of
#   "damaged", gets a yes and then an error that looks like damage. It has to look at BitsStored too.
#   The plugin that does decode 12 bits (pylibjpeg-libjpeg) is under the GPL.
# Source: pydicom's guide to plugins; its own test file JPEG-lossy.dcm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check \
  "pydicom==3.0.2" "pillow==12.0.0" "python-gdcm==3.2.6" "numpy<2.5"
cat > "$folder/decode.py" <<'PYTHON'
import sys

import pydicom
from pydicom.data import get_testdata_file
from pydicom.pixels.decoders.base import get_decoder

path = get_testdata_file("JPEG-lossy.dcm", download=False)
header = pydicom.dcmread(path, stop_before_pixels=True)
decoder = get_decoder(header.file_meta.TransferSyntaxUID)
print(f"{header.BitsStored} bits; available: {decoder.is_available}, {decoder.available_plugins}")
try:
    pydicom.pixels.pixel_array(path)
except RuntimeError as error:
    print(f"and then: {error}")
    sys.exit(0 if decoder.is_available else "it is not called available any more")
sys.exit("it is decoded now")
PYTHON
"$folder/env/bin/python" "$folder/decode.py" 2>&1
