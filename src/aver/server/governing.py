"""Governance put together: the places that the installation declares, a tenant's evidence, the frameworks of controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from aver.core.errors import InvalidInput
from aver.governance.anchors.service import Anchors
from aver.governance.packs.service import Packs
from aver.ops.incidents.moments import moment_of

if TYPE_CHECKING:
    from aver.core.settings import AnchorSettings
    from aver.gateway.credentials.sigv4 import AwsCredentials
    from aver.governance.anchors.types import Place
    from aver.server.application import Application
    from aver.server.tenancy import TenantServices
    from aver.store import TenantStore

__all__ = ["USUAL_DAYS", "anchors_of", "packs_of", "period_of"]

USUAL_DAYS = 90
"""How far controls and packs look back, unless they are told."""


def anchors_of(application: Application, services: TenantServices) -> Anchors:
    store = services.store
    places = _places(application, application.settings.anchors, partial(_public, store))
    return Anchors(store, services.ledger, application.clock, places)


def packs_of(application: Application, services: TenantServices) -> Packs:
    return Packs(services.store, services.ledger, application.clock, services.anchors)


def period_of(since: str, until: str, now: datetime) -> tuple[datetime, datetime]:
    """From what was typed: moments in RFC 3339, or for the beginning a span back such as ``24h`` or ``7d``. Raises
    :class:`~aver.core.errors.InvalidInput`."""
    try:
        end = moment_of(until) if until else now
        return _before(since, end), end
    except OverflowError:
        raise InvalidInput("The period lies outside of all calendars", "Write a span such as 90d.") from None


def _before(since: str, end: datetime) -> datetime:
    from aver.gateway.config.units import duration

    if not since:
        return end - timedelta(days=USUAL_DAYS)
    try:
        span = timedelta(seconds=duration(since))
    except ValueError:
        return moment_of(since)
    return end - span


def _places(application: Application, declared: AnchorSettings, owner: Callable[[], bytes]) -> Sequence[Place]:
    found: list[Place] = []
    if declared.file is not None:
        from aver.governance.anchors.adapters.file import FilePlace

        found.append(FilePlace(declared.file))
    if declared.s3.bucket:
        from aver.governance.anchors.adapters.s3 import S3Place

        s3 = declared.s3
        known = partial(_keys, application, s3.key_id, s3.secret_key)
        found.append(S3Place(s3.bucket, s3.region, s3.endpoint, s3.prefix, s3.days, s3.mode, known, application.clock))
    if declared.timestamp.url:
        from aver.governance.anchors.adapters.timestamp import TimestampPlace

        found.append(TimestampPlace(declared.timestamp.url, declared.timestamp.roots))
    if declared.witness.url:
        from aver.governance.anchors.adapters.witness import WitnessPlace

        found.append(WitnessPlace(declared.witness.url, declared.witness.key, owner))
    return found


def _keys(application: Application, key_id: str, secret_key: str) -> AwsCredentials:
    """As their references give them at this moment."""
    from aver.gateway.credentials.sigv4 import AwsCredentials

    return AwsCredentials(application.secret(key_id), application.secret(secret_key))


def _public(store: TenantStore) -> bytes:
    return store.signing_key().public_key().public_bytes_raw()
