"""What a reading is written down as: a stream beside the dispute, and its facts (docs/log-format.md, section 19)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from odr.log.journal import NewFact

READ, OPENED = "dispute_read", "access_opened"
ORDERED, ERASED = "erasure_ordered", "words_erased"

THINGS = ("page", "form", "file", "preview", "receipt", "casefile")
"""What can be given to a reader."""

_REACH = "parties"


def stream_beside(dispute_id: str) -> str:
    """The stream of who read a dispute. A stream of its own: a reading must move no dispute on."""
    return f"access/{dispute_id}"


def reading(permission: str, what: str, item: int | None) -> NewFact:
    """That a reader was given something: under which permission, what, and which one where there are several."""
    which: dict[str, Any] = {} if item is None else {"item": item}
    return NewFact(READ, _REACH, {"permission": permission, "what": what, **which})


def opening(ground: str, until: int, text: str) -> NewFact:
    """That a registrar opened a dispute in which nothing waited for one."""
    return NewFact(OPENED, _REACH, {"ground": ground, "until": until}, {"text": text})


def forgetting(ground: str, words: Mapping[int, Sequence[str]], version: int) -> list[NewFact]:
    """That these words, by the versions of their entries, were ordered destroyed, as entry `version`, and are."""
    targets = [{"ver": ver, "names": sorted(names)} for ver, names in sorted(words.items())]
    return [
        NewFact(ORDERED, _REACH, {"ground": ground, "targets": targets}),
        NewFact(ERASED, _REACH, {"ordered": version}),
    ]
