"""One pass over one pack: every byte, the chain, signatures, anchors, and the controls worked out again."""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from aver.governance.proof.aes_gcm import decrypted
from aver.governance.proof.asking import Step
from aver.governance.proof.container import content, read_members
from aver.governance.proof.ed25519 import signed
from aver.governance.proof.judging import Judging
from aver.governance.proof.terms import FORMAT, MANIFEST, SIGNATURE, VERSION, Bad, canonical, moment
from aver.governance.proof.timestamp import certificates_in, stamped
from aver.governance.proof.tree import Frontier, consistent

__all__ = ["Report", "Verifier", "check_receipt", "check_statement", "main", "verify"]

_LARGEST_IN_MEMORY = 2**28
_OPENED = 256
"""Contents that are opened unless all are asked for: some hundred thousand bytes are a second's work."""
_SAMPLED = 64
"""Signatures of checkpoints that are looked at beside the last: the chain between them holds all others in place."""


class Report(NamedTuple):
    tenant: str
    fingerprint: str
    since: str
    until: str
    first: int
    last: int
    checkpoints: int
    signatures: int
    anchors: int
    contents: int
    """Steps whose content is disclosed."""
    opened: int
    """Those of them whose content was opened, and is what was sealed."""
    controls: Mapping[str, int]
    notes: Sequence[str]


class Verifier:
    """One pass over one pack. Raises :class:`Bad` at the first thing that does not hold."""

    def __init__(
        self,
        file: BinaryIO,
        *,
        fingerprint: str = "",
        authorities: Sequence[bytes] = (),
        thorough: bool = False,
        wanted: int = 0,
    ) -> None:
        """``authorities`` are certificates that timestamps have to be signed by, or below; ``thorough``: each signature and each content;
        ``wanted`` is the step whose content is kept in :attr:`read`."""
        self._file, self._authorities, self._thorough, self._wanted = file, authorities, thorough, wanted
        self._contents = self._opened = 0
        self.read: bytes | None = None
        self._members = {each.name: each for each in read_members(file)}
        self._names = list(self._members)
        if self._names[-2:] != [MANIFEST, SIGNATURE] or len(self._members) != len(set(self._names)):
            raise Bad("the manifest of the pack is missing")
        raw = self._whole(MANIFEST)
        try:
            manifest = json.loads(raw)["pack"]
            self._key = bytes.fromhex(manifest["key"])
        except (ValueError, KeyError, TypeError):
            raise Bad("the manifest was changed") from None
        try:
            text = self._whole(SIGNATURE).decode("ascii")
            signature = bytes.fromhex(text)
        except ValueError:
            raise Bad("the signature of the manifest was changed") from None
        if signature.hex() != text or canonical({"pack": manifest, "version": VERSION}) != raw:
            raise Bad("the manifest or its signature is not written as Aver writes it")
        if not signed(self._key, raw, signature):
            raise Bad("the manifest is not signed by the key that it names")
        if manifest.get("format") != FORMAT:
            raise Bad("the manifest is of another format")
        self.fingerprint = hashlib.sha256(self._key).hexdigest()
        if fingerprint and fingerprint.lower() != self.fingerprint:
            raise Bad(f"the pack is signed by {self.fingerprint}, which is not the key that you expect")
        self._manifest = manifest
        self._notes = (
            []
            if fingerprint
            else ["the pack names its own key: give --key FINGERPRINT, got from the tenant another way"]
        )
        self._signatures = 0

    def run(self) -> Report:
        manifest = self._manifest
        listed = [each["name"] for each in manifest["files"]]
        if listed != self._names[:-2]:
            raise Bad("files of the pack are missing, added or in another order")
        for each in manifest["files"]:
            if not each["name"].startswith("steps/"):
                self._check(each, None)
        anchors = json.loads(self._whole("anchors.json"))
        frameworks = json.loads(self._whole("controls.json"))["frameworks"]
        judging = Judging(frameworks, manifest["until"])
        roots = self._steps(judging, {each["statement"]["anchor"]["seq"] for each in anchors["anchors"]})
        self._anchors(anchors, roots)
        results = judging.results()
        if canonical({"results": results}) != self._whole("results.json"):
            raise Bad("the results of controls do not follow from the steps of the pack")
        counts = {name: sum(each["outcome"] == name for each in results) for name in ("met", "not_met", "no_data")}
        return Report(
            manifest["tenant"],
            self.fingerprint,
            manifest["since"],
            manifest["until"],
            manifest["first"],
            manifest["last"],
            manifest["checkpoints"],
            self._signatures,
            len(anchors["anchors"]),
            self._contents,
            self._opened,
            counts,
            self._notes,
        )

    def _whole(self, name: str) -> bytes:
        member = self._members.get(name)
        if member is None:
            raise Bad(f"{name} is missing")
        if member.size > _LARGEST_IN_MEMORY:
            raise Bad(f"{name} is too large")
        return b"".join(content(self._file, member, hashlib.sha256()))

    def _check(self, listed: Mapping[str, Any], take: Callable[[bytes], None] | None) -> None:
        """Hold one file against the manifest, and hand on its lines."""
        member = self._members[listed["name"]]
        packed, plain, rest = hashlib.sha256(), hashlib.sha256(), b""
        for piece in content(self._file, member, packed):
            plain.update(piece)
            if take is not None:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    take(line)
        if rest:
            raise Bad(f"{member.name} does not end with a line")
        found = (member.size, member.packed, plain.hexdigest(), packed.hexdigest())
        if found != (listed["size"], listed["packed"], listed["sha256"], listed["packed_sha256"]):
            raise Bad(f"{member.name} is not the file that the manifest signs")

    def _steps(self, judging: Judging, wanted: set[int]) -> dict[int, tuple[str, str]]:
        """Follow the chain through the pack; the root of the tree and the hash of the step at each of the wanted places that it passes."""
        manifest = self._manifest
        tenant, head = manifest["tenant"], manifest["before"]
        tree = Frontier(manifest["first"] - 1, manifest["tree"])
        found = {tree.size: (tree.root, head)}
        passed = 0
        often = max(manifest["checkpoints"] // _SAMPLED, 1)
        last: tuple[dict[str, Any], bytes] | None = None

        def take(line: bytes) -> None:
            nonlocal head, last, passed
            fields = json.loads(line)
            if fields["seq"] != tree.size + 1:
                raise Bad(f"step {tree.size + 1} is missing, or out of order")
            facts = fields["facts"]
            record = {name: fields[name] for name in ("at", "content", "facts", "kind", "seq", "subject", "turn")}
            record |= {"prev": head, "tenant": tenant, "version": 1}
            head = hashlib.sha256(canonical(record)).hexdigest()
            if "disclosed" in fields:
                self._content(record, fields["disclosed"])
            tree.add(head)
            if tree.size in wanted:
                found[tree.size] = (tree.root, head)
            if "checkpoint" in fields:
                passed += 1
                said = {"at": fields["checkpoint"]["at"], "hash": head, "seq": fields["seq"], "tenant": tenant}
                last = (said, bytes.fromhex(fields["checkpoint"]["signature"]))
                if self._thorough or passed % often == 0:
                    self._checkpoint(*last)
            judging.take(Step(fields["seq"], fields["turn"], fields["kind"], fields["at"], json.loads(facts)))

        for each in manifest["files"]:
            if each["name"].startswith("steps/"):
                try:
                    self._check(each, take)
                except (ValueError, KeyError, TypeError) as error:
                    raise Bad(f"{each['name']} cannot be read: {error}") from None
        if last is not None:
            self._checkpoint(*last)
        if (tree.size, head, tree.root, passed) != (
            manifest["last"],
            manifest["head"],
            manifest["root"],
            manifest["checkpoints"],
        ):
            raise Bad("the chain does not end with the head that the manifest signs")
        found[tree.size] = (tree.root, head)
        return found

    def _content(self, record: Mapping[str, Any], disclosed: Mapping[str, str]) -> None:
        """Hold what was disclosed of a step against what was sealed with it."""
        self._contents += 1
        sealed = b64decode(disclosed["content"], validate=True)
        if hashlib.sha256(sealed).hexdigest() != record["content"]:
            raise Bad(f"the content of step {record['seq']} is not what was sealed")
        if self._thorough or self._opened < _OPENED or record["seq"] == self._wanted:
            self._opened += 1
            found = decrypted(bytes.fromhex(disclosed["key"]), sealed, canonical({**record, "content": ""}))
            if found is None:
                raise Bad(f"the key of step {record['seq']} does not open its content")
            if record["seq"] == self._wanted:
                self.read = found

    def _checkpoint(self, said: Mapping[str, Any], signature: bytes) -> None:
        self._signatures += 1
        if not signed(self._key, canonical({"checkpoint": said, "version": 1}), signature):
            raise Bad(f"the checkpoint of step {said['seq']} is not signed by the tenant's key, or is of another chain")

    def _anchors(self, anchors: Mapping[str, Any], roots: Mapping[int, tuple[str, str]]) -> None:
        known: dict[int, tuple[str, str]] = {self._manifest["last"]: roots[self._manifest["last"]]}
        for each in anchors["anchors"]:
            said = check_statement(each["statement"], self._manifest["tenant"], self._key)
            seq, place = said["seq"], (said["root"], said["hash"])
            if roots.get(seq, place) != place or known.get(seq, place) != place:
                raise Bad(f"the anchor of step {seq} is of another history")
            known[seq] = place
            check_receipt(each, self._authorities, self._notes)
        if self._authorities and all(each["kind"] != "timestamp" for each in anchors["anchors"]):
            self._notes.append("there is no timestamp in the pack that the certificate you gave could vouch for")
        sizes = sorted(known)
        proofs = {(each["from"], each["to"]): each["path"] for each in anchors["proofs"]}
        for number in range(1, len(sizes)):
            first, second = sizes[number - 1], sizes[number]
            path = proofs.get((first, second))
            if path is None or not consistent(first, known[first][0], second, known[second][0], path):
                raise Bad(f"the history of {second} steps does not grow out of that of {first} steps")


def check_statement(statement: Mapping[str, Any], tenant: str, key: bytes) -> Mapping[str, Any]:
    """What an anchor says: ``at``, ``hash``, ``root``, ``seq``, ``tenant``. Raises :class:`Bad` unless the tenant's ``key`` signed it."""
    said: Mapping[str, Any] = statement["anchor"]
    if not signed(key, canonical({"anchor": said, "version": 1}), bytes.fromhex(statement["signature"])):
        raise Bad(f"the anchor of step {said['seq']} is not signed by the tenant's key")
    if said["tenant"] != tenant:
        raise Bad("an anchor is another tenant's")
    return said


def check_receipt(anchor: Mapping[str, Any], authorities: Sequence[bytes], notes: list[str]) -> None:
    """Hold what the place outside gave against the statement that it was given. Raises :class:`Bad`; ``notes`` are told what is trusted."""
    receipt, said = anchor["receipt"], anchor["statement"]["anchor"]
    if anchor["kind"] == "witness":
        cosigned = receipt["cosigned"]
        key, signature = bytes.fromhex(receipt["key"]), bytes.fromhex(receipt["signature"])
        if not signed(key, canonical({"cosigned": cosigned, "version": 1}), signature):
            raise Bad(f"the witness did not sign the anchor of step {said['seq']}")
        if any(cosigned[name] != said[name] for name in ("root", "seq", "tenant")):
            raise Bad(f"the witness signed something else than the anchor of step {said['seq']}")
        note = f"a witness cosigned with the key {hashlib.sha256(key).hexdigest()}: compare it with what the witness publishes"
    elif anchor["kind"] == "timestamp":
        digest = hashlib.sha256(canonical(anchor["statement"])).digest()
        try:
            found = stamped(b64decode(receipt["token"], validate=True), digest, authorities)
        except Bad as bad:
            raise Bad(f"the timestamp token of the anchor of step {said['seq']} does not hold: {bad}") from None
        if (moment(receipt["at"]), receipt["serial"]) != (found.at, str(found.serial)):
            raise Bad(f"the anchor of step {said['seq']} says of its timestamp token what is not in it")
        signer = f"timestamps are signed by the certificate {hashlib.sha256(found.signer).hexdigest()}"
        note = (
            f"{signer}, which they carry: compare it with what the authority publishes, or give --tsa-certificate FILE"
            if found.vouching is None
            else f"{signer}, and {hashlib.sha256(found.vouching).hexdigest()}, which you gave, vouches for it"
        )
    else:
        note = (
            f"anchors of the kind {anchor['kind']} are worth what is found at their place: {receipt.get('place', '')}"
        )
    if note not in notes:
        notes.append(note)


def verify(path: Path, *, fingerprint: str = "", authorities: Sequence[bytes] = (), thorough: bool = False) -> Report:
    """What a pack shows. Raises :class:`Bad` for one that does not hold, ``OSError`` for one that cannot be read."""
    return _verified(path, fingerprint=fingerprint, authorities=authorities, thorough=thorough)[0]


def _verified(path: Path, **given: Any) -> tuple[Report, bytes | None]:
    with path.open("rb") as file:
        try:
            verifier = Verifier(file, **given)
            return verifier.run(), verifier.read
        except (
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            struct.error,
            RecursionError,
            MemoryError,
            OverflowError,
        ) as error:
            raise Bad(f"the pack cannot be read: {type(error).__name__}: {error}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0, it holds; 1, it does not; 2, there is no such file."""
    parser = argparse.ArgumentParser(prog="aver-verify.py", description="Verify an evidence pack of Aver.")
    parser.add_argument("pack", type=Path)
    parser.add_argument(
        "--key", default="", metavar="FINGERPRINT", help="the tenant's key, got another way than the pack"
    )
    parser.add_argument(
        "--tsa-certificate",
        type=Path,
        metavar="FILE",
        help="the certificate of the timestamp authority or above it, in PEM or DER, got another way than the pack",
    )
    parser.add_argument(
        "--thorough", action="store_true", help="check each signature and each content; a few hundred a second"
    )
    parser.add_argument(
        "--read", type=int, default=0, metavar="STEP", help="show the content of a step, where it was disclosed"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        authorities = certificates_in(options.tsa_certificate.read_bytes()) if options.tsa_certificate else ()
    except (Bad, OSError, ValueError):
        parser.error(f"{options.tsa_certificate} cannot be read, or holds no certificate")
    try:
        report, read = _verified(
            options.pack,
            fingerprint=options.key,
            authorities=authorities,
            thorough=options.thorough,
            wanted=options.read,
        )
    except (Bad, OSError) as error:
        if options.json:
            sys.stdout.write(json.dumps({"ok": False, "reason": str(error)}) + "\n")
        else:
            sys.stdout.write(f"DOES NOT HOLD: {error}\n")
        return 1 if isinstance(error, Bad) else 2
    if options.read:
        sys.stdout.write((read or b"its content is not in the pack").decode("utf-8", "replace") + "\n")
        return 0 if read is not None else 1
    if options.json:
        sys.stdout.write(json.dumps({"ok": True, **report._asdict()}) + "\n")
        return 0
    steps = report.last - report.first + 1
    sys.stdout.write(f"holds: {steps:,} steps, {report.first:,} to {report.last:,}, of {report.tenant}\n")
    sys.stdout.write(f"  {report.since} to {report.until}, signed by {report.fingerprint}\n")
    sys.stdout.write(
        f"  {report.checkpoints:,} checkpoints ({report.signatures:,} signatures looked at), {report.anchors:,} anchors\n"
    )
    if report.contents:
        sys.stdout.write(f"  {report.contents:,} contents, of which {report.opened:,} were opened\n")
    told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in report.controls.items())
    sys.stdout.write(f"  controls, worked out again: {told}\n")
    for note in report.notes:
        sys.stdout.write(f"  note: {note}\n")
    return 0
