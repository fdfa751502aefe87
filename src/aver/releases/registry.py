"""The registry of releases: what there is, what people and gates say of it, and which is in force where."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from aver import __version__
from aver.core import Clock, canonical_json, rfc3339
from aver.core.errors import Conflict, InvalidInput, NotFound, VerificationFailed
from aver.releases import rows
from aver.releases.archive import read_archive, write_archive
from aver.releases.declaration import ReleaseConfig, read_release
from aver.releases.environments import Environments, check_person, check_reason
from aver.releases.files import Files
from aver.releases.freezing import Entry, digest_only, entries, freeze
from aver.releases.signing import check_subject
from aver.releases.types import Described, Event, FrozenFile, GateRecord, Manifest, Provenance, Record, Release, SignOff
from aver.store import Store
from aver.store.control import release_gates, release_sign_offs, release_signatures, release_tags, releases

__all__ = ["Registry"]

_TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Registry(Environments):
    """The releases of an installation: rows in its control database, files below ``folder``, which its replicas share; and what
    :class:`~aver.releases.environments.Environments` says of where they are in force. Thread-safe; blocking."""

    def __init__(self, store: Store, clock: Clock, folder: Path, record: Record = lambda _: None) -> None:
        self._files = Files(folder)
        super().__init__(store, clock, record, self._files.missing)

    # Releases

    def create(
        self,
        bundle: Path,
        *,
        by: str,
        describe: Callable[[Path], Described] = lambda _: Described(),
        provenance: Provenance | None = None,
        without: Sequence[Path] = (),
    ) -> Release:
        """Freeze the bundle in the folder ``bundle``; ``without`` are files and folders that are no part of it, such as the data directory.
        Everything is read from what was frozen, also by ``describe``, which is given its folder: what happens to the bundle meanwhile or
        afterwards changes nothing. The same bundle is the same release, and made again it stays as it was made first.

        Raises :class:`~aver.core.errors.InvalidInput`, :class:`~aver.core.errors.SettingsError` and
        :class:`~aver.core.errors.TooLarge` for what cannot be released, secrets among it, and :class:`~aver.core.errors.Conflict` when somebody wrote into it meanwhile.
        """
        from aver.releases.declared import (  # with all that may be declared: a rollback needs none of it
            approved_in,
            declared_in,
        )

        check_person(by)
        files = freeze(self._entries(bundle, without), self._files.keep)
        draft = self._files.lay_out(files)
        try:
            declared, described = declared_in(draft), describe(draft)
            tools = {**approved_in(draft, declared), **described.tools}
            manifest = Manifest(files, declared, described.assistant, tools, __version__)
            manifest = rows.read_manifest(manifest.canonical, manifest.digest)  # as it will be read ever after
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return self.register(manifest, by=by, provenance=provenance or Provenance())

    def register(self, manifest: Manifest, *, by: str, provenance: Provenance) -> Release:
        """Take up a release whose files are kept already. Raises :class:`~aver.core.errors.VerificationFailed` where they are not."""
        self._files.settle()
        with self._store.begin() as tx:
            known = rows.release_of(tx, manifest.digest)
            if known is not None:
                return known
            if missing := self._files.missing(manifest):  # whoever deletes releases does so while nobody else writes
                raise VerificationFailed(f"The bytes of {missing[0]!r} are not there", "Freeze or import it again.")
            values = {
                "digest": manifest.digest,
                "manifest": manifest.canonical.decode(),
                "created": rfc3339(self._clock.now()),
                "created_by": by,
                "provenance": asdict(provenance),
            }
            tx.execute(insert(releases), values)
            self._record(Event("release_created", manifest.digest, by, reason=provenance.note))
            return rows.find(tx, manifest.digest)

    def get(self, reference: str) -> Release:
        """A release by its tag, the environment that it is in force in, its digest, or the first seven or more characters of that. Raises
        :class:`~aver.core.errors.NotFound`, and :class:`~aver.core.errors.InvalidInput` where several begin so."""
        with self._store.read() as tx:
            return rows.find(tx, reference)

    def all(self, most: int | None = None, skip: int = 0) -> list[Release]:
        """Newest first; ``most`` of them, behind the first ``skip``, where that is given."""
        with self._store.read() as tx:
            return rows.all_releases(tx, most, skip)

    def created(self) -> dict[str, datetime]:
        """When each release was created, by its digest, oldest first; no manifest is read."""
        of = releases.c
        with self._store.read() as tx:
            found = tx.execute(select(of.digest, of.created).order_by(of.created)).all()
        return {row.digest: datetime.fromisoformat(row.created) for row in found}

    def passed(self) -> dict[str, list[datetime]]:
        """When gates passed each release, by its digest, oldest first."""
        of, found = release_gates.c, dict[str, list[datetime]]()
        with self._store.read() as tx:
            for row in tx.execute(select(of.digest, of.at).where(of.outcome == "pass").order_by(of.number)):
                found.setdefault(row.digest, []).append(datetime.fromisoformat(row.at))
        return found

    def open_folder(self, digest: str) -> Path:
        """The release's files as a bundle, each checked by its bytes; laid out when it is first asked for. Raises
        :class:`~aver.core.errors.NotFound` and :class:`~aver.core.errors.VerificationFailed`."""
        return self._files.open(self.get(digest).manifest)

    def read(self, file: FrozenFile) -> bytes:
        """The bytes of a release's file. Raises :class:`~aver.core.errors.VerificationFailed` where they are gone or others."""
        return self._files.read(file.sha256)

    def damaged(self, release: Release) -> list[str]:
        """Paths of the release's files that are gone or changed; its manifest was checked when it was read."""
        return self._files.damaged(release.manifest)

    def missing(self, release: Release) -> list[str]:
        """Paths of the release's files whose bytes are not there: quick, for whoever has just rolled back to it."""
        return self._files.missing(release.manifest)

    def differing(self, release: Release, bundle: Path, without: Sequence[Path] = ()) -> list[str]:
        """Paths of files that the folder ``bundle`` has otherwise than the release, or only one of the two has."""
        now = {each.path: each for each in freeze(self._entries(bundle, without), digest_only)}
        then = release.manifest.paths
        return sorted(path for path in now.keys() | then.keys() if now.get(path) != then.get(path))

    def tag(self, release: Release, tag: str, *, by: str) -> Release:
        """Call a release by a name. A tag that another release has moves to this one."""
        if not _TAG.fullmatch(tag) or rows.DIGEST.fullmatch(tag):
            raise InvalidInput(
                f"{tag[:60]!r} cannot be a tag", "Use up to 63 small letters, digits, dots, dashes and underscores."
            )
        check_person(by)
        with self._store.begin() as tx:
            if tag in rows.known_environments(tx):
                raise InvalidInput(f"{tag!r} is the name of an environment", "Choose another name.")
            tx.execute(delete(release_tags).where(release_tags.c.tag == tag))
            values = {"tag": tag, "digest": release.digest, "set": rfc3339(self._clock.now()), "set_by": by}
            tx.execute(insert(release_tags), values)
            return rows.find(tx, release.digest)

    def untag(self, tag: str) -> None:
        """:class:`~aver.core.errors.NotFound` when no release has it."""
        with self._store.begin() as tx:
            if not tx.execute(delete(release_tags).where(release_tags.c.tag == tag)).rowcount:
                raise NotFound(f"No release has the tag {tag[:60]!r}", "See which there are: aver release list")

    def delete(self, release: Release) -> None:
        """Forget a release. Raises :class:`~aver.core.errors.Conflict` while an environment is on it, may go back to it, or lets it in."""
        with self._store.begin() as tx:
            for environment in rows.known_environments(tx).values():
                if release.digest in canonical_json(asdict(environment) | {"changed": None}).decode():
                    raise Conflict(
                        f"{environment.name} is on this release, or may go back to it", "Promote another there first."
                    )
            rows.remove_release(tx, release.digest)
            others = {each.sha256 for other in rows.all_releases(tx) for each in other.manifest.files}
            self._files.forget(release.digest, {each.sha256 for each in release.manifest.files} - others)

    def export(self, release: Release, out: Path) -> None:
        """Write the release with its signatures to one file, for another installation."""
        write_archive(release, self._files, self.signatures(release), out)

    def take_in(self, archive: Path, *, by: str) -> Release:
        """Register the release in a file that :meth:`export` wrote, as created by ``by`` here: what people and gates said of it elsewhere does
        not come with it. Raises :class:`~aver.core.errors.InvalidInput` and :class:`~aver.core.errors.VerificationFailed`."""
        check_person(by)
        carried = read_archive(archive, self._files)
        note = f"imported; created by {carried.created_by}"
        release = self.register(carried.manifest, by=by, provenance=replace(carried.provenance, note=note))
        for key, envelope in carried.signatures.items():
            self.add_signature(release, key, envelope)
        return release

    # What people, keys and gates say

    def add_signature(self, release: Release, key: str, envelope: Mapping[str, Any]) -> None:
        """Keep a DSSE envelope about the release, by the id of the key that signed it. Raises :class:`~aver.core.errors.InvalidInput` for
        one that is about something else."""
        check_subject(envelope, release.digest)
        mine = (release_signatures.c.digest == release.digest, release_signatures.c.key == key)
        values = {"digest": release.digest, "key": key, "envelope": dict(envelope), "at": rfc3339(self._clock.now())}
        with self._store.begin() as tx:
            tx.execute(delete(release_signatures).where(*mine))
            tx.execute(insert(release_signatures), values)

    def signatures(self, release: Release) -> dict[str, Mapping[str, Any]]:
        """Envelopes by the ids of their keys. What each is worth, whoever knows the keys can tell."""
        mine = release_signatures.c.digest == release.digest
        with self._store.read() as tx:
            return {row.key: row.envelope for row in tx.execute(select(release_signatures).where(mine))}

    def sign_off(self, release: Release, role: str, *, by: str, note: str = "") -> SignOff:
        """Say, in a role, that the release may be promoted. Said again it stays as it was."""
        check_person(by)
        with self._store.begin() as tx:
            known = self._signing_roles(tx, release)
            if role not in known:
                raise InvalidInput(
                    f"Nothing asks for a sign-off as {role[:60]!r}",
                    f"Asked for is: {', '.join(sorted(known)) or 'none'}.",
                )
            for given in rows.sign_offs_of(tx, release.digest):
                if (given.role, given.by) == (role, by):
                    return given
            given = SignOff(role, by, self._clock.now(), check_reason(note))
            values = {"digest": release.digest, "role": role, "by": by, "at": rfc3339(given.at), "note": given.note}
            tx.execute(insert(release_sign_offs), values)
            self._record(Event("release_signed_off", release.digest, by, reason=note, role=role))
        return given

    def withdraw(self, release: Release, role: str, signer: str, *, by: str, reason: str) -> None:
        """Take back what ``signer`` said in a role: it counts no more, as that of somebody who has lost the role. What was promoted with it stays in
        force. Raises :class:`~aver.core.errors.NotFound` where that person has not signed the release off in that role."""
        check_person(by)
        if not check_reason(reason):
            raise InvalidInput("A sign-off is withdrawn for a reason, which is kept", "Say why.")
        table = release_sign_offs
        mine = (table.c.digest == release.digest, table.c.role == role, table.c.by == signer)
        with self._store.begin() as tx:
            given = [(each.role, each.by) for each in rows.sign_offs_of(tx, release.digest)]
            if (role, signer) not in given:
                cause = f"{signer[:60]!r} has not signed it off as {role[:60]!r}"
                raise NotFound(cause, "See who has: aver release show.")
            tx.execute(delete(table).where(*mine))
            self._record(Event("release_sign_off_withdrawn", release.digest, by, reason=reason, role=role))

    @staticmethod
    def _signing_roles(tx: Connection, release: Release) -> frozenset[str]:
        """Those that the release asks for, or one that is in force somewhere and is to be replaced."""
        known = ReleaseConfig.of(release.manifest.declared).signing
        for environment in rows.known_environments(tx).values():
            current = rows.release_of(tx, environment.digest)
            known |= ReleaseConfig.of(current.manifest.declared).signing if current else frozenset()
        return known

    def sign_offs(self, release: Release) -> list[SignOff]:
        """Oldest first."""
        with self._store.read() as tx:
            return rows.sign_offs_of(tx, release.digest)

    def record_gate(self, outcome: GateRecord) -> None:
        """Keep what a gate said of a release; the last one counts. Raises :class:`~aver.core.errors.NotFound` for a release that there is
        not."""
        with self._store.begin() as tx:
            release = rows.find(tx, outcome.digest)
            number = len(rows.gates_of(tx, release.digest)) + 1
            values = asdict(outcome) | {"number": number, "digest": release.digest, "at": rfc3339(outcome.at)}
            tx.execute(insert(release_gates), values)

    def gates(self, release: Release) -> list[GateRecord]:
        """Oldest first."""
        with self._store.read() as tx:
            return rows.gates_of(tx, release.digest)

    def _entries(self, bundle: Path, without: Sequence[Path]) -> list[Entry]:
        from aver.releases.declared import config_in
        from aver.releases.secrecy import refuse_secrets, secret_files

        sections = config_in(bundle)
        config = read_release(sections["release"]) if "release" in sections else ReleaseConfig()
        declared = {name: value.plain() for name, value in sections.items()}
        apart = (*without, self._files.folder, *secret_files(declared, bundle))
        found = entries(bundle, config.leave_out, apart)
        refuse_secrets(found, declared)
        return found
