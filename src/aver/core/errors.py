"""The one error tree. Every error states its cause and the next step.

::

    AverError                      anything that went wrong and is understood
    ├── InvalidInput               the caller's words are off (usage)
    │   ├── SettingsError          a setting is wrong; names file and line
    │   └── TooLarge               the input is over a stated limit
    ├── NotFound                   it does not exist, or the caller may not see it
    ├── Unauthenticated            no key, or a key that is not valid
    ├── VerificationFailed         evidence does not add up; names the first bad record
    ├── Conflict                   it exists already, or another process holds it
    ├── Unavailable                a resource is missing for now
    │   ├── StorageFull            the disk is full
    │   └── ProviderError          a model provider failed
    │       ├── ProviderTimeout    it did not answer in time
    │       ├── ProviderRefused    it answered with an error status
    │       └── StreamTruncated    its stream ended before its end marker
    └── MissingExtra               an optional dependency is not installed

The command line prints ``error: cause. next step`` and exits with ``exit_code``; HTTP answers with
RFC 9457 problem details of ``status`` and ``slug``.
"""

from __future__ import annotations

__all__ = [
    "AverError",
    "Conflict",
    "InvalidInput",
    "MissingExtra",
    "NotFound",
    "ProviderError",
    "ProviderRefused",
    "ProviderTimeout",
    "SettingsError",
    "StorageFull",
    "StreamTruncated",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "VerificationFailed",
]


class AverError(Exception):
    """An understood failure: ``cause`` says what happened, ``next_step`` what to do about it."""

    slug = "error"
    status = 500
    exit_code = 1

    def __init__(self, cause: str, next_step: str) -> None:
        super().__init__(f"{cause}. {next_step}")
        self.cause = cause
        self.next_step = next_step

    def problem(self) -> dict[str, object]:
        """This error as RFC 9457 problem details."""
        return {
            "type": f"urn:aver:problem:{self.slug}",
            "title": self.slug.replace("-", " "),
            "status": self.status,
            "detail": self.cause,
            "next_step": self.next_step,
        }


class InvalidInput(AverError):
    slug, status, exit_code = "invalid-input", 422, 2


class SettingsError(InvalidInput):
    slug = "invalid-settings"


class TooLarge(InvalidInput):
    slug, status = "too-large", 413


class NotFound(AverError):
    """Not there, or not allowed: the two are the same answer so that neither can be told from the other."""

    slug, status, exit_code = "not-found", 404, 3


class Unauthenticated(AverError):
    slug, status, exit_code = "unauthenticated", 401, 3


class VerificationFailed(AverError):
    slug, status, exit_code = "verification-failed", 409, 4


class Conflict(AverError):
    slug, status = "conflict", 409


class Unavailable(AverError):
    slug, status = "unavailable", 503


class StorageFull(Unavailable):
    slug, status = "storage-full", 507


class ProviderError(Unavailable):
    slug, status = "provider-error", 502


class ProviderTimeout(ProviderError):
    slug, status = "provider-timeout", 504


class ProviderRefused(ProviderError):
    slug = "provider-refused"


class StreamTruncated(ProviderError):
    slug = "stream-truncated"


class MissingExtra(AverError):
    slug, status = "missing-extra", 501

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed", f"Run: pip install 'aver[{extra}]'")
