"""A rater's part of a study in one signed file, for a PC without a network; unpacked it is a study of its own.

Its key travels with it: whoever has the file can rate under that pseudonym, as whoever has a code can. Names, donors
and samples stay behind. Who takes the file apart can see which clips come again; a page never tells.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import zipfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spermscope.rating.creating import new_part
from spermscope.rating.keys import FILE as KEY
from spermscope.rating.keys import FOLDER as KEYS
from spermscope.rating.keys import SigningKey, signed_by
from spermscope.rating.ledger import PACKAGE, VOTE, Adding, Entry, Ledger
from spermscope.rating.opening import Study
from spermscope.rating.protocol import FILE as STUDY
from spermscope.rating.protocol import StudyFile
from spermscope.rating.sheets import FILE as SHEETS
from spermscope.rating.sheets import FOLDER, sheets_text
from spermscope.rating.values import Refused
from spermscope.rating.voting import now
from spermscope.rating.writer import Rule
from spermscope.whole_files import put

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
LARGEST = 64 * 1024 * 1024
"""Bytes of any file in it."""
_NAMES = r"^(study\.json|clips\.json|keys/signing\.pem|clips/[0-9a-f]{32}\.png)$"


class Manifest(BaseModel):
    """What lies in a package: SHA-256 of each file by name, signed under the key of the study it came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    study_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    files: dict[str, str]


def write_package(study: Study, rater: str, out: Path, *, again: bool = False) -> int:
    """Write a rater's package to a new file and note it in the study; how many presentations it has.

    Noted once it is on the disk: what could not be written takes no seat. ``again`` hands out another in place of one
    that was lost, whose answers are not taken any more. Refused unless the study is open (by its state), where the
    rater has voted (``voted``), and where he has a package (``package``) or, ``again``, has none (``no_package``).

    Raises
    ------
    ValueError
        When the file is there, or there is no such seat.
    """
    if out.exists():
        raise ValueError(f"{out}: expected a new file, found one that exists")
    if study.file.pseudonym is not None:
        raise ValueError(f"{study.folder}: expected a whole study, found a rater's package")
    if not study.protocol.has_seat(rater):
        raise ValueError(f"{rater}: expected a seat, R001 to R{study.protocol.raters:03d}, found none")
    if (state := study.state) != "open":
        raise Refused(state)
    order = tuple(turn.shown.clip for turn in study.turns.of(rater))
    key, package = SigningKey(), secrets.token_hex(8)
    file = StudyFile(
        study_id=package,
        public_key=key.public,
        protocol=study.protocol,
        simulated=study.file.simulated,
        pseudonym=rater,
        order=order,
        parent=study.study_id,
    )
    _check_free(rater, study.ledger, again)
    shown = {*order, *(clip for grade in study.protocol.grades for clip in grade.anchors)}
    sheets = [sheet.nameless() for sheet in study.sheets.values() if sheet.hash in shown]
    texts = {
        STUDY: file.model_dump_json(indent=1).encode(),
        SHEETS: sheets_text(sheets).encode(),
        f"{KEYS}/{KEY}": key.pem(),
    }
    pictures = {f"{FOLDER}/{sheet.hash}.png": study.clip(sheet.hash).path for sheet in sheets}
    with put(out) as part:
        _write(study, part, texts, pictures)
        study.add(_handing_out(package, rater, key.public, again))
    return len(order)


def unpack(file: Path, folder: Path, public_key: str | None = None) -> StudyFile:
    """Make a package a study in a new folder, once every file in it is what the study signed.

    ``public_key`` is the study's; None trusts the one in the file.

    Raises
    ------
    ValueError
        When the folder is there, or the file is no package, was changed, or is signed under another key.
    """
    if folder.exists():
        raise ValueError(f"{folder}: expected a new folder, found one that exists")
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(file, archive, public_key)
            contents = {name: _content(archive, name, wanted) for name, wanted in manifest.files.items()}
        study = StudyFile.model_validate_json(contents[STUDY])
    except (zipfile.BadZipFile, KeyError, ValidationError, OSError, RuntimeError, NotImplementedError) as error:
        raise ValueError(f"{file}: expected a rating package, found something else") from error
    if study.pseudonym is None or study.parent != manifest.study_id:
        raise ValueError(f"{file}: expected a rating package, found another study")
    part = new_part(folder)
    for name in (FOLDER, KEYS):
        (part / name).mkdir(mode=0o700)
    for name, content in contents.items():
        handle = os.open(part / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as target:
            target.write(content)
    os.replace(part, folder)
    return study


def _check_free(rater: str, rows: Ledger | Adding, again: bool) -> None:
    if rows.last(VOTE, rater):
        raise Refused("voted", rater=rater)
    if (rows.last(PACKAGE, rater) is not None) != again:
        raise Refused("no_package" if again else "package", rater=rater)


def _handing_out(package: str, rater: str, public_key: str, again: bool) -> Rule:
    """Notes a package; answers are taken under its key alone."""

    def rule(adding: Adding) -> Entry:
        _check_free(rater, adding, again)
        content = {"package": package, "rater": rater, "public_key": public_key, "time": now()}
        return adding.add(package, PACKAGE, content, rater)

    return rule


def _write(study: Study, out: Path, texts: dict[str, bytes], pictures: dict[str, str]) -> None:
    files = {name: hashlib.sha256(content).hexdigest() for name, content in texts.items()}
    files |= {name: hashlib.sha256(Path(path).read_bytes()).hexdigest() for name, path in pictures.items()}
    manifest = Manifest(study_id=study.study_id, public_key=study.key.public, files=files).model_dump_json()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(MANIFEST, manifest)
        archive.writestr(SIGNATURE, study.key.sign(manifest))
        for name, content in texts.items():
            archive.writestr(name, content)
        for name, path in pictures.items():
            archive.write(path, name)
    with out.open("rb+") as file:
        os.fsync(file.fileno())


def _manifest(file: Path, archive: zipfile.ZipFile, public_key: str | None) -> Manifest:
    text = _read(archive, MANIFEST).decode()
    manifest = Manifest.model_validate_json(text)
    if public_key is not None and public_key.lower() != manifest.public_key:
        raise ValueError(f"{file}: expected a package under the key {public_key}, found {manifest.public_key}")
    if not signed_by(manifest.public_key, text, _read(archive, SIGNATURE).decode()):
        raise ValueError(f"{file}: expected a package as it was signed, found it changed")
    if strange := [name for name in manifest.files if not re.fullmatch(_NAMES, name)]:
        raise ValueError(f"{file}: expected a study's files, found {strange[0]!r}")
    return manifest


def _content(archive: zipfile.ZipFile, name: str, wanted: str) -> bytes:
    content = _read(archive, name)
    if hashlib.sha256(content).hexdigest() != wanted:
        raise ValueError(f"{name}: expected the file that was signed, found another")
    return content


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """One member, no larger than any of ours."""
    with archive.open(name) as member:
        content = member.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"{name}: expected {LARGEST} bytes at most, found more")
    return content
