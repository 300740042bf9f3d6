"""What the fork server imports once for all workers (`scanvote.serving.fork_server`).

Nothing that starts a thread, since a fork copies none: ONNX Runtime, TensorFlow and Keras are left
to the workers.
"""

import os
from importlib import import_module

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # it would start threads when NumPy is imported
for name in ("cv2", "scanvote.predict.predictor", "scanvote.inputs", "scanvote.serving.engine"):
    import_module(name)
