"""A rating study as it is worked with: who may, what comes next, votes in, states."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from spermscope.rating import protocol, sheets
from spermscope.rating.anchors import Anchors, Head
from spermscope.rating.keys import FOLDER as KEYS
from spermscope.rating.keys import read_key
from spermscope.rating.ledger import PACKAGE, STATE, VOTE, Entry, Ledger
from spermscope.rating.people import People
from spermscope.rating.sole import SoleUse
from spermscope.rating.standing import Standing, votes_table
from spermscope.rating.turns import Turns
from spermscope.rating.values import (
    NewVote,
    Person,
    Presentation,
    Progress,
    RaterProgress,
    Receipt,
    Refused,
    Role,
    SheetInfo,
    State,
    VotesTable,
)
from spermscope.rating.voting import casting, check_answer, entering, reseating, state_of, vote_content
from spermscope.rating.writer import Rule, Writer

FROZEN = (protocol.FILE, sheets.FILE)
"""Files that stay as they are from the start on."""


class Study:
    """An open study; safe to use from several threads, by one process. Close it, or use it as a context."""

    def __init__(self, folder: Path, database_url: str | None = None) -> None:
        self.folder = folder
        self.file = protocol.read_study_file(folder)
        self.study_id, self.protocol = self.file.study_id, self.file.protocol
        self.sheets = {sheet.hash: sheet for sheet in sheets.read_sheets(folder)}
        self.turns = Turns(self.file, tuple(self.sheets.values()))
        self._frozen = frozen_hashes(folder)
        with ExitStack() as opened:
            opened.enter_context(closing(SoleUse(folder)))
            self.key = read_key(folder)
            self.ledger = opened.enter_context(closing(Ledger(folder, self.study_id, database_url)))
            self._standing = Standing(self.ledger, self.protocol.codes)
            check_frozen(folder, self._frozen, self.ledger)
            self._people = opened.enter_context(closing(People(folder / KEYS)))
            self._anchors = opened.enter_context(closing(Anchors(folder, self.study_id, self.key)))
            self._anchors.resume(self.ledger)
            self._writer = opened.enter_context(closing(Writer(self.ledger, self._anchors)))
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Write what was submitted, anchor it, and let go of the study."""
        self._opened.close()

    @property
    def state(self) -> State:
        """``draft`` (may be changed), ``open`` (votes), ``paused`` (none for now) or ``locked`` (none any more)."""
        return state_of(self.ledger.last(STATE))

    def start(self, who: str = "") -> None:
        """Freeze the protocol and the clips, and take votes; from ``draft``. ``who`` is noted."""
        self.add(entering("open", who, frozen=self._frozen))

    def pause(self, who: str = "") -> None:
        """Take no votes for now; from ``open``."""
        self.add(entering("paused", who))

    def resume(self, who: str = "") -> None:
        """Take votes again; from ``paused``."""
        self.add(entering("open", who))

    def lock(self, who: str = "") -> None:
        """Take no more votes, ever; from ``open`` or ``paused``."""
        self.add(entering("locked", who))

    def clip(self, hash: str) -> SheetInfo:
        """How a clip is shown; refused (``clip``) where there is none of that hash."""
        if hash not in self.sheets:
            raise Refused("clip")
        return self.sheets[hash].info(self.folder, self.protocol.view, self.protocol.trail)

    def invite(self, role: Role, pseudonym: str | None = None, name: str = "") -> str:
        """A code to join with, once, within 30 days; only its hash is kept.

        ``pseudonym`` names the seat, ``name`` the person, for the map of people alone.
        """
        seat = pseudonym or (self.file.pseudonym if role == "rater" else None)
        return self._people.invite(role, seat, name[:200])

    def renew(self, seat: str, name: str = "") -> str:
        """A code for that seat; where someone has it, his passphrase ends at once, and a row notes that.

        Raises
        ------
        ValueError
            When the study has no such seat.
        """
        taken = seat in self._people.names()
        mine = self.file.pseudonym
        if not taken and (seat != mine if mine else not self.protocol.has_seat(seat)):
            known = mine or f"R001 to R{self.protocol.raters:03d}"
            raise ValueError(f"{self.folder}: expected a seat ({known}) or one who joined, found {seat}")
        if taken:
            self.add(reseating(seat))
        return self._people.renew(seat, name[:200]) or self._people.invite("rater", seat, name[:200])

    def join(self, code: str, passphrase: str) -> Person:
        """Take the next free seat, or the one that the code names.

        Refused where the code is unknown, used or too old (``code``), the passphrase is too short or too long
        (``passphrase``), or no seat is free (``seats``).
        """
        return self._people.join(code, passphrase, self.protocol.raters, self.ledger.raters())

    def sign_in(self, pseudonym: str, passphrase: str) -> Person:
        """Who it is; refused (``sign_in``) otherwise, whatever was wrong, after the same time."""
        return self._people.sign_in(pseudonym, passphrase)

    def names(self) -> dict[str, str]:
        """What people are called, by pseudonym; '' where no name was given or it was erased."""
        return self._people.names()

    def erase(self, pseudonym: str | None = None) -> int:
        """Erase a person, or everyone, from the map of people; votes stay. How many there were."""
        return self._people.erase(pseudonym)

    def next_presentations(self, pseudonym: str, count: int) -> list[Presentation]:
        """Up to ``count`` of the rater's presentations that have no vote, in order.

        Refused unless ``open``, and (``carried``) where the seat has a package.
        """
        if (state := self.state) != "open":
            raise Refused(state)
        if self.carried(pseudonym):
            raise Refused("carried")
        turns, done = self.turns.of(pseudonym), self._done(pseudonym)
        return [turn.shown for turn in turns[done : done + count]]

    def carried(self, pseudonym: str) -> bool:
        """Whether that seat's votes come from a package, and from nowhere else."""
        return self.ledger.last(PACKAGE, pseudonym) is not None

    def presentation(self, pseudonym: str, id: str) -> Presentation:
        """A presentation of that rater's by its id; refused (``presentation``) where it is none of his."""
        return self.turns.find(pseudonym, id).shown

    def vote(self, pseudonym: str, vote: NewVote) -> Receipt:
        """On the disk, chained and signed, when it returns; the same id again gives the same receipt.

        Refused where the study takes no votes (``draft``, ``paused``, ``locked``) or none of this seat's here
        (``carried``: it has a package), the presentation is not the rater's (``presentation``) or not his next
        (``order``), the answer is none of the protocol's (``answer``), the protocol has another version (``protocol``),
        another vote has that id (``id``), or ``replaces`` is not the rater's last vote (``replaces``).
        """
        return self.submit(pseudonym, vote).result()

    def submit(self, pseudonym: str, vote: NewVote) -> Future[Receipt]:
        """``vote`` without waiting; votes that are submitted together share one write to the disk."""
        check_answer(self.protocol, vote)
        turn = self.turns.find(pseudonym, vote.presentation)
        content = vote_content(self.protocol, turn, pseudonym, vote)
        receipt: Future[Receipt] = Future()
        receipt.set_running_or_notify_cancel()
        row = self._writer.submit(casting(content, vote.model_dump(mode="json")))
        row.add_done_callback(lambda done: self._acknowledge(done, receipt))
        return receipt

    def undo_last(self, pseudonym: str) -> Presentation | None:
        """The presentation of the rater's last vote, to be voted on again; None before the first.

        Nothing is taken back until a vote with ``replaces`` comes.
        """
        last = self.ledger.last(VOTE, pseudonym)
        return replace(self.turns.of(pseudonym)[last.number - 1].shown, replaces=last.id) if last else None

    def progress(self, pseudonym: str) -> Progress:
        """How far a rater is."""
        return Progress(self._done(pseudonym), len(self.turns.of(pseudonym)))

    def completion(self) -> list[RaterProgress]:
        """A row for each rater who joined or voted, by pseudonym."""
        joined = self._people.names()
        raters = sorted({name for name in joined if name.startswith("R")} | self.ledger.raters())
        locked = self.state == "locked"
        self._standing.look()
        return [self._standing.of(name, name in joined, len(self.turns.of(name)), locked=locked) for name in raters]

    def votes_table(self, *, unlocked: bool = False) -> VotesTable:
        """Every vote that counts; refused (``unlocked``) before the lock, unless asked for by what shows none."""
        if not unlocked and self.state != "locked":
            raise Refused("unlocked")
        return votes_table(self.protocol, self.sheets, self.turns.rated, self.ledger.rows(VOTE))

    def head(self) -> Head:
        """The chain as it is now, signed."""
        last = self.ledger.end()
        return self._anchors.sign(*((last.seq, last.chain) if last else (0, self.ledger.start)))

    def add(self, rule: Rule) -> Entry:
        """The row that a rule adds or finds, once it is on the disk."""
        return self._writer.submit(rule).result()

    def _done(self, pseudonym: str) -> int:
        last = self.ledger.last(VOTE, pseudonym)
        return last.number if last else 0

    def _acknowledge(self, row: Future[Entry], receipt: Future[Receipt]) -> None:
        error = row.exception()
        if error is not None:
            receipt.set_exception(error)
            return
        entry = row.result()
        head = self._anchors.sign(entry.seq, entry.chain)
        receipt.set_result(Receipt(entry.id, self.study_id, entry.seq, entry.chain, head.signature))


def open_study(folder: Path | str, database_url: str | None = None) -> Study:
    """Open the study in ``folder``; its votes are in ``rating.db`` there, or in the database at that URL.

    Raises
    ------
    ValueError
        When there is no study, its frozen files are not those that it was started with, it is open elsewhere, or the
        database cannot be reached.
    """
    return Study(Path(folder), database_url)


def frozen_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file that the start freezes."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FROZEN}


def check_frozen(folder: Path, found: dict[str, str], ledger: Ledger) -> None:
    """Raise ValueError where a frozen file is not the one that the study was started with."""
    starts = (entry.content for entry in ledger.rows(STATE))
    for name, expected in next((content["frozen"] for content in starts if "frozen" in content), found).items():
        if found.get(name) != expected:
            raise ValueError(f"{folder / name}: expected the file that the study was started with, found another")
