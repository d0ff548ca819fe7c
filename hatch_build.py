"""The README as an index of packages shows it, where paths into the repository lead nowhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class ReadmeOfIndex(MetadataHookInterface):
    """Gives links and pictures of the README the address of the repository."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README to what is known of the project."""
        home = metadata["urls"]["Homepage"]
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = re.sub(r"(!\[[^]]*\]\()(?!https?:|#)", rf"\1{home}/raw/main/", text)
        text = re.sub(r"((?<!!)\[[^]]*\]\()(?!https?:|#)", rf"\1{home}/blob/main/", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
