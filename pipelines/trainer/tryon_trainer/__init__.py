"""Reference trainer of tryon-operator.

Parser-free virtual try-on by appearance flow (PF-AFN, arXiv 2103.04559) in four stages: a parser-based
warp and generator (the teacher), then a parser-free warp and generator (the student that is served).
Width and resolution are parameters, so that the code that learns on two CPU cores within minutes also
runs at 256x192 and more on several nodes of GPUs.

Conventions, everywhere in this package:

* images are float tensors [n, 3, h, w] in [-1, 1]; masks are [n, 1, h, w] in [0, 1];
* a garment is premultiplied by its mask, so that "outside the garment" is 0 and needs no padding rule;
* a flow is [n, 2, h, w], the offset (x, y) from a pixel to where it samples, in normalised coordinates
  in which the image spans [-1, 1] edge to edge (`align_corners=False`). Such a flow means the same at
  every resolution, which is what lets a small network warp a large picture.
"""

import os

# OpenMP's idle threads spin for milliseconds before they sleep. On a machine that has other work than this that takes
# the core from the thread that is being waited for: a step then costs ten times as much. Read when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__version__ = "0.1.0"
