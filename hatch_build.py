"""What a wheel needs beyond the package: compiled catalogues, and templates and static from the top level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Carry(BuildHookInterface[Any]):
    """Runs for every build; an editable install takes templates and static from the checkout itself."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        compile_catalogues(root / "odr" / "translations")
        if self.target_name == "wheel" and version == "standard":
            build_data["force_include"].update(
                {str(root / "templates"): "odr/templates", str(root / "static"): "odr/static"}
            )


def compile_catalogues(folder: Path) -> None:
    """Write messages.mo beside every messages.po; fuzzy sentences stay out, they are guesses."""
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        with source.open("rb") as text, source.with_suffix(".mo").open("wb") as compiled:
            write_mo(compiled, read_po(text, locale=source.parts[-3]))


if __name__ == "__main__":
    compile_catalogues(Path(__file__).parent / "odr" / "translations")
