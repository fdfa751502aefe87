"""The one error tree. Every error states its cause and the next step.

::

    AverError                      anything that went wrong and is understood
    ├── InvalidInput               the caller's words are off (usage)
    │   ├── SettingsError          a setting is wrong; names file and line
    │   │   └── IndexRefused       an index engine cannot do what Aver requires of one
    │   └── TooLarge               the input is over a stated limit
    ├── NotFound                   it does not exist, or the caller may not see it
    ├── Unauthenticated            no key, or a key that is not valid
    ├── Forbidden                  the key lacks a role; says nothing of what there is
    ├── Blocked                    a check that the tenant declares holds a text back
    ├── VerificationFailed         evidence does not add up; names the first bad record
    ├── Conflict                   it exists already, or another process holds it
    ├── LimitReached               a rate limit of this installation; passes with time
    │   └── BudgetExceeded         a budget of this installation has no room for the call
    ├── Unavailable                a resource is missing for now
    │   ├── SourceDenied           a source of documents does not let Aver in
    │   ├── StorageFull            the disk is full
    │   ├── Overloaded             more is asked of this process than it takes at once
    │   ├── Stopped                a kill switch holds it
    │   └── ProviderError          a model provider failed, or cannot be reached
    │       ├── ProviderTimeout    it did not answer in time
    │       ├── ProviderPaused     it failed too often and is left alone for now
    │       ├── StreamTruncated    its stream ended before its end marker
    │       └── ProviderRefused    it answered with an error status
    │           ├── ProviderThrottled   too many requests; passes with time
    │           ├── ProviderExhausted   the account's quota or balance is used up; does not pass with time
    │           ├── ProviderDenied      the provider's key is missing, wrong or not allowed to
    │           ├── ContextOverflow     the request is longer than the model reads
    │           ├── ContentFiltered     the provider's content filter refused the request
    │           └── RequestRejected     anything else the caller can mend: the provider calls the request wrong
    ├── Undecided                  an effect may have happened, and nothing says whether it did
    └── MissingExtra               an optional dependency is not installed

The command line prints ``error: cause. next step`` and exits with ``exit_code``; HTTP answers with
RFC 9457 problem details of ``status`` and ``slug``.
"""

from __future__ import annotations

__all__ = [
    "AverError",
    "Blocked",
    "BudgetExceeded",
    "Conflict",
    "ContentFiltered",
    "ContextOverflow",
    "Forbidden",
    "IndexRefused",
    "InvalidInput",
    "LimitReached",
    "MissingExtra",
    "NotFound",
    "Overloaded",
    "ProviderDenied",
    "ProviderError",
    "ProviderExhausted",
    "ProviderPaused",
    "ProviderRefused",
    "ProviderThrottled",
    "ProviderTimeout",
    "RequestRejected",
    "SettingsError",
    "SourceDenied",
    "Stopped",
    "StorageFull",
    "StreamTruncated",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "Undecided",
    "VerificationFailed",
]


class AverError(Exception):
    """An understood failure: ``cause`` says what happened, ``next_step`` what to do about it, ``retry_after`` in how many
    seconds it may have passed, where that is known."""

    slug = "error"
    status = 500
    exit_code = 1

    def __init__(self, cause: str, next_step: str, *, retry_after: float | None = None) -> None:
        super().__init__(f"{cause}. {next_step}")
        self.cause = cause
        self.next_step = next_step
        self.retry_after = retry_after

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


class IndexRefused(SettingsError):
    slug = "index-refused"


class TooLarge(InvalidInput):
    slug, status = "too-large", 413


class NotFound(AverError):
    """Not there, or not allowed: the two are the same answer so that neither can be told from the other."""

    slug, status, exit_code = "not-found", 404, 3


class Unauthenticated(AverError):
    slug, status, exit_code = "unauthenticated", 401, 3


class Forbidden(AverError):
    slug, status, exit_code = "forbidden", 403, 3


class Blocked(AverError):
    slug, status = "blocked", 400


class VerificationFailed(AverError):
    slug, status, exit_code = "verification-failed", 409, 4


class Conflict(AverError):
    slug, status = "conflict", 409


class LimitReached(AverError):
    slug, status = "limit-reached", 429


class BudgetExceeded(LimitReached):
    slug = "budget-exceeded"


class Unavailable(AverError):
    slug, status = "unavailable", 503


class SourceDenied(Unavailable):
    slug, status = "source-denied", 502


class StorageFull(Unavailable):
    slug, status = "storage-full", 507


class Overloaded(Unavailable):
    slug = "overloaded"


class Stopped(Unavailable):
    slug = "stopped"


class ProviderError(Unavailable):
    slug, status = "provider-error", 502


class ProviderTimeout(ProviderError):
    slug, status = "provider-timeout", 504


class ProviderPaused(ProviderError):
    slug, status = "provider-paused", 503


class ProviderRefused(ProviderError):
    slug = "provider-refused"


class ProviderThrottled(ProviderRefused):
    slug, status = "provider-throttled", 429


class ProviderExhausted(ProviderRefused):
    slug = "provider-exhausted"


class ProviderDenied(ProviderRefused):
    slug = "provider-denied"


class ContextOverflow(ProviderRefused):
    slug, status = "context-overflow", 400


class ContentFiltered(ProviderRefused):
    slug, status = "content-filtered", 400


class RequestRejected(ProviderRefused):
    slug, status = "request-rejected", 400


class StreamTruncated(ProviderError):
    slug = "stream-truncated"


class Undecided(AverError):
    """Not to be tried again blindly: it may have happened already."""

    slug, status = "undecided", 504


class MissingExtra(AverError):
    slug, status = "missing-extra", 501

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed", f"Run: pip install 'aver[{extra}]'")
