"""A rating study as it is worked with: who may, what comes next, votes in, states."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from spermscope.rating.protocol import Protocol
from spermscope.rating.values import (
    NewVote,
    Person,
    Presentation,
    Progress,
    RaterProgress,
    Receipt,
    Role,
    SheetInfo,
    State,
    VotesTable,
)


class Study:
    """An open study; safe to use from several threads. Close it, or use it as a context."""

    folder: Path
    study_id: str
    protocol: Protocol

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Write what was submitted, anchor it, and let go of the database."""
        raise NotImplementedError

    @property
    def state(self) -> State:
        """``draft`` (may be changed), ``open`` (votes), ``paused`` (none for now) or ``locked`` (none any more)."""
        raise NotImplementedError

    def start(self) -> None:
        """Freeze the protocol and the clips, and take votes; from ``draft``."""
        raise NotImplementedError

    def pause(self) -> None:
        """Take no votes for now; from ``open``."""
        raise NotImplementedError

    def resume(self) -> None:
        """Take votes again; from ``paused``."""
        raise NotImplementedError

    def lock(self) -> None:
        """Take no more votes, ever; from ``open`` or ``paused``."""
        raise NotImplementedError

    def clip(self, hash: str) -> SheetInfo:
        """How a clip is shown; refused (``clip``) where there is none of that hash."""
        raise NotImplementedError

    def invite(self, role: Role, pseudonym: str | None = None) -> str:
        """A code to join with, once, within 30 days; only its hash is kept."""
        raise NotImplementedError

    def join(self, code: str, passphrase: str) -> Person:
        """Take the next free seat (or the one that the code names).

        Refused where the code is unknown, used or too old (``code``), the passphrase has fewer than 8 characters
        (``passphrase``), or no seat is free (``seats``).
        """
        raise NotImplementedError

    def sign_in(self, pseudonym: str, passphrase: str) -> Person:
        """Who it is; refused (``sign_in``) otherwise, whatever was wrong, after the same time."""
        raise NotImplementedError

    def erase(self, pseudonym: str | None = None) -> int:
        """Erase a person, or everyone, from the map of people; votes stay. How many there were."""
        raise NotImplementedError

    def next_presentations(self, pseudonym: str, count: int) -> list[Presentation]:
        """Up to ``count`` of the rater's presentations that have no vote, in order; refused unless ``open``."""
        raise NotImplementedError

    def presentation(self, pseudonym: str, id: str) -> Presentation:
        """A presentation of that rater's by its id; refused (``presentation``) where it is none of his."""
        raise NotImplementedError

    def vote(self, pseudonym: str, vote: NewVote) -> Receipt:
        """On the disk, chained and signed, when it returns; the same id again gives the same receipt.

        Refused where the study takes no votes (``draft``, ``paused``, ``locked``), the presentation is not the
        rater's (``presentation``) or not his next (``order``), the answer is none of the protocol's (``answer``), the
        protocol has another version (``protocol``), another vote has that id (``id``), or ``replaces`` is not the
        rater's last vote (``replaces``).
        """
        return self.submit(pseudonym, vote).result()

    def submit(self, pseudonym: str, vote: NewVote) -> Future[Receipt]:
        """``vote`` without waiting; votes that are submitted together share one write to the disk."""
        raise NotImplementedError

    def undo_last(self, pseudonym: str) -> Presentation | None:
        """The presentation of the rater's last vote, to be voted on again; None before the first.

        Nothing is taken back until a vote with ``replaces`` comes.
        """
        raise NotImplementedError

    def progress(self, pseudonym: str) -> Progress:
        """How far a rater is."""
        raise NotImplementedError

    def completion(self) -> list[RaterProgress]:
        """A row for each rater who joined or voted, by pseudonym."""
        raise NotImplementedError

    def votes_table(self, *, unlocked: bool = False) -> VotesTable:
        """Every vote that counts; refused (``unlocked``) before the lock, unless asked for by what shows none."""
        raise NotImplementedError


def open_study(folder: Path | str, database_url: str | None = None) -> Study:
    """Open the study in ``folder``; its votes are in ``rating.db`` there, or in the database at that URL.

    Raises
    ------
    ValueError
        When there is no study, or its frozen files are not those that it was started with.
    """
    raise NotImplementedError
