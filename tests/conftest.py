"""Before torch is loaded: one thread, which small patches gain nothing beyond.

Two threads on a busy machine of two cores wait for each other most of the time.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
