"""The napari plugin: widgets and layers around the library `cryoden`, no array mathematics."""

import sys
from importlib.util import find_spec

MISSING = (
    "The plugin needs napari, which is not installed; the command line and the library work without it "
    "(to install it with a Qt binding: pip install 'napari-cryoden[all]')"
)

if find_spec("napari") is None:
    if sys.argv[0] == "-m":  # python -m napari_cryoden.demo: one line, no traceback
        raise SystemExit(MISSING)
    raise ModuleNotFoundError(MISSING, name="napari")
