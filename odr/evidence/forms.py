"""The forms of evidence: an upload that is read once, while it arrives, and the word that one's file is complete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from flask_babel import lazy_gettext as _
from flask_wtf.csrf import CSRFError, validate_csrf
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData
from wtforms import FileField, TextAreaField, ValidationError

from odr.disputes.forms import ActForm, text_length
from odr.evidence.media import SUFFIXES
from odr.kernel import Refused
from odr.web.sentences import refusal

CHUNK = 64 * 1024
# 20,000 signs, the longest text that the rules take, are at most 80,000 bytes.
LARGEST_FIELD = 100_000
MOST_PARTS = 20

ACCEPT = ",".join((*SUFFIXES, *(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)))
"""What the browser's own file chooser offers; the server judges by content alone."""


class Upload:
    """A multipart form as it comes (RFC 7578): the fields before the file first, then the file, chunk by chunk.

    The usual way spools the whole body to the disk in plain before anybody is asked whether it is wanted. Here no
    byte of the file is read before its fields were judged, and none touches the disk unsealed.
    """

    def __init__(self, body: BinaryIO, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get("boundary", "") if kind == "multipart/form-data" else ""
        self._body = body
        self._decoder = MultipartDecoder(boundary.encode(), max_form_memory_size=1_000_000, max_parts=MOST_PARTS)
        self._events = self._decode() if boundary else iter(())
        self._held, self._over = b"", False
        self.filename = ""
        self.fields: MultiDict[str, str] = MultiDict()
        self._read_fields()

    def read(self, size: int, /) -> bytes:
        """The next bytes of the file; none at its end. Raises Refused("upload_broken")."""
        while not self._held and not self._over:
            event = next(self._events, None)
            self._over = not isinstance(event, Data) or not event.more_data
            self._held = event.data if isinstance(event, Data) else b""
        part, self._held = self._held[:size], self._held[size:]
        return part

    def drain(self) -> None:
        """Read on to the end, for a browser listens to no answer while it still sends."""
        try:
            while self._body.read(CHUNK):
                pass
        except (ClientDisconnected, RequestEntityTooLarge):
            # Nobody sends any more, or more than is read for anybody.
            return

    def _read_fields(self) -> None:
        name = ""
        text = bytearray()
        for event in self._events:
            if isinstance(event, File) and event.name == "file":
                self.filename = event.filename
                return
            if isinstance(event, Field | File):
                name, text = event.name or "", bytearray()
            elif isinstance(event, Data):
                text += event.data
                if len(text) > LARGEST_FIELD:
                    raise RequestEntityTooLarge
                if not event.more_data:
                    self.fields.add(name, text.decode("utf-8", "replace"))
        self._over = True

    def _decode(self) -> Iterator[Event]:
        try:
            while not isinstance(event := self._next(), Epilogue):
                yield event
        except ValueError as malformed:
            raise Refused("upload_broken") from malformed

    def _next(self) -> Event:
        event = self._decoder.next_event()
        while isinstance(event, NeedData):
            self._decoder.receive_data(self._body.read(CHUNK) or None)
            event = self._decoder.next_event()
        return event


class EvidenceForm(ActForm):
    """Sends a file, with a word on what it shows."""

    about = TextAreaField(
        _("What this file shows"),
        [text_length],
        description=_("One or two sentences, if you like: what the other side, and a mediator, should see in it."),
    )
    file = FileField(_("The file"))

    upload: Upload | None = None

    @classmethod
    def of(cls, body: BinaryIO, content_type: str) -> EvidenceForm:
        """The form of an upload whose file has not been read yet. Raises CSRFError when the page's token is not
        among the fields before the file."""
        upload = Upload(body, content_type)
        try:
            validate_csrf(upload.fields.get("csrf_token"))
        except ValidationError as foreign:
            raise CSRFError(foreign.args[0]) from foreign
        form = cls(formdata=upload.fields)
        form.upload = upload
        return form

    def refuse(self, refused: Refused, field: str = "about") -> None:
        """A refusal of the file stands beside the file."""
        super().refuse(refused, field)
        if refused.code.startswith(("file_", "picture_", "upload_")):
            nothing = refused.code == "file_empty" and not (self.upload and self.upload.filename)
            self.form_errors = []
            self.file.errors = [refusal(Refused("file_missing") if nothing else refused)]


class CompletionForm(ActForm):
    """Says that one's file is complete."""
