"""Keeps what is copied until it is known what it is, and then under its hash.

Copies grow at the same time, as many as there are connections. Their bytes are gathered
in memory, up to a bound for each and for all, and then appended to a file that is open
only for that moment. So neither memory nor open files grow with their number.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from analyzer.errors import ExportError

if TYPE_CHECKING:
    from analyzer.extraction.folder import Folder

# of one copy, and of all together
_GATHERED_BYTES = 256 << 10
_ALL_GATHERED_BYTES = 32 << 20

MESSAGES, ATTACHMENTS = "messages", "attachments"
PARTIAL = ".partial"


class Stored(NamedTuple):
    """A file that was stored.

    Attributes:
        name: of the file, within the folder.
        sha256: of its content, in hex.
        size_bytes: its size.
    """

    name: str
    sha256: str
    size_bytes: int


class StoredCopy:
    """A copy that grows (`dissectors.events.Copy`)."""

    __slots__ = ("_gathered", "_hash", "_owner", "_part", "_size")

    def __init__(self, owner: Copies) -> None:
        self._owner = owner
        self._gathered = bytearray()
        self._hash = hashlib.sha256()
        self._size = 0
        # name of the file that has what came before
        self._part: str | None = None

    def write(self, data: bytes) -> None:
        """Take the next bytes; what can't be written is told by `Store.check`."""
        store = self._owner.store
        if store.error is not None:
            return
        self._hash.update(data)
        self._size += len(data)
        self._gathered += data
        store.gathered_bytes += len(data)
        if len(self._gathered) >= _GATHERED_BYTES:
            self.spill()
        elif store.gathered_bytes >= _ALL_GATHERED_BYTES:
            store.spill_all()

    def spill(self) -> None:
        """Append what was gathered to the file."""
        store, gathered = self._owner.store, self._gathered
        if not gathered or store.error is not None:
            return
        is_new = self._part is None
        if self._part is None:
            self._part = store.new_part()
        try:
            store.folder.write(self._part, gathered, is_new=is_new)
        except OSError as error:
            # who reads the capture asks, and ends it
            store.error = error
        store.gathered_bytes -= len(gathered)
        self._gathered = bytearray()

    def store(self, kind: str, ending: str) -> Stored:
        """Give the file its name, by what it holds; one that is there is kept.

        Raises:
            OSError: it can't be written.
        """
        store, digest = self._owner.store, self._hash.hexdigest()
        stored = Stored(f"{kind}/{digest}{ending}", digest, self._size)
        if stored.name in store.names:
            self.discard()
            return stored
        target = store.subfolder(kind)
        if self._part is None:
            target.write(digest + ending, self._gathered, is_new=True)
        else:
            self.spill()
            if store.error is not None:
                raise store.error
            store.folder.move(self._part, target, digest + ending)
            self._part = None
        store.names.add(stored.name)
        self.discard()
        return stored

    def forget(self) -> None:
        """Learn that nobody will ask for it."""
        self._owner.growing.pop(id(self), None)
        self.discard()

    def discard(self) -> None:
        """Remove what there is of it."""
        store = self._owner.store
        store.gathered_bytes -= len(self._gathered)
        self._gathered = bytearray()
        if self._part is not None:
            store.folder.remove(self._part)
            self._part = None


class Copies:
    """Begins the copies of one connection, and knows those that nobody has asked for.

    Attributes:
        store: where they go.
        growing: those that were neither stored nor discarded.
    """

    __slots__ = ("growing", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.growing: dict[int, StoredCopy] = {}
        store.connections[id(self)] = self

    def __call__(self) -> StoredCopy:
        """Begin a copy."""
        copy = StoredCopy(self)
        self.growing[id(copy)] = copy
        return copy

    def finish(self, copy: StoredCopy, kind: str, ending: str) -> Stored:
        """Store a copy that is complete, or all that there will be.

        Raises:
            ExportError: it can't be written.
        """
        self.store.check()
        try:
            stored = copy.store(kind, ending)
        except OSError as error:
            self.store.error = error
            self.store.check()
            raise
        self.growing.pop(id(copy), None)
        return stored

    def close(self) -> None:
        """Discard what was not finished."""
        for copy in self.growing.values():
            copy.discard()
        self.growing.clear()
        self.store.connections.pop(id(self), None)


class Store:
    """A folder, and the copies on their way into it.

    Attributes:
        folder: the folder.
        names: of the files that are complete.
        connections: whose copies grow.
        gathered_bytes: of all copies, in memory.
        error: why nothing can be written any more.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.names: set[str] = set()
        self.connections: dict[int, Copies] = {}
        self.gathered_bytes = 0
        self.error: OSError | None = None
        self._subfolders: dict[str, Folder] = {}
        self._parts = 0

    def check(self) -> None:
        """Raise what went wrong while copies grew.

        Raises:
            ExportError: something could not be written.
        """
        if self.error is not None:
            raise ExportError.of(self.folder.path, self.error) from self.error

    def new_part(self) -> str:
        """Name a file that grows."""
        self._parts += 1
        return f"growing-{self._parts}"

    def subfolder(self, kind: str) -> Folder:
        """Return the folder for what is of a kind, which is made once.

        Raises:
            OSError: it can't be made.
        """
        if kind not in self._subfolders:
            self._subfolders[kind] = self.folder.make_subfolder(kind)
        return self._subfolders[kind]

    def spill_all(self) -> None:
        """Write all that was gathered."""
        for copies in self.connections.values():
            for copy in copies.growing.values():
                copy.spill()

    def close(self) -> None:
        """Discard what grows, and close the folders."""
        for copies in list(self.connections.values()):
            copies.close()
        for folder in (*self._subfolders.values(), self.folder):
            folder.close()
