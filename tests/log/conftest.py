"""What tests of the log are given: published test vectors, where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of published test vectors; they are other people's and stay out of this repository."""
    shared = os.environ.get("ODR_SHARED")
    if not shared:
        pytest.skip("ODR_SHARED is not set, so the published test vectors are not at hand")
    folder = Path(shared) / "vectors"
    if not folder.is_dir():
        pytest.skip("the folder that ODR_SHARED names holds no test vectors")
    return folder
