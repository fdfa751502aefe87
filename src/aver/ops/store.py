"""The tables of a tenant's operations. What people wrote stands in evidence alone; here are numbers, names that are declared, and moments."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, UniqueConstraint

from aver.store import tenant_table

__all__ = ["alerts", "corrections", "groups", "incidents", "mitigations", "reading", "series", "silences", "sums"]

reading = tenant_table(
    "ops_reading",
    Column("name", String, primary_key=True),  # "evidence"; one row a tenant
    Column("cursor", Integer, nullable=False),  # the last step that was counted
    Column("revision", Integer, nullable=False),  # counts every change; whoever writes names the one they have read
    Column("watermark", Integer, nullable=False),  # the latest moment that was counted, seconds of the Unix epoch
    Column("sampled", Integer, nullable=False),  # the minute for which lags were counted last
    Column("epoch", Integer, nullable=False),  # counts every time that sums were moved or removed
)

sums = tenant_table(
    "ops_sums",
    Column(
        "span", String, primary_key=True
    ),  # "s" for ten seconds, "m" a minute, "h" an hour; "ch" and "cd" an hour and a day of the scorecard
    Column("start", Integer, primary_key=True),  # seconds of the Unix epoch
    Column("series", String, primary_key=True),
    Column("sums", String, nullable=False),  # JSON, names to numbers
    Column("changed", Integer, nullable=False),  # the revision of ``ops_reading`` that changed it last
    Index("ix_ops_sums_changed", "changed"),
)

series = tenant_table(
    "ops_series",
    Column("name", String, primary_key=True),  # model:NAME, key:ID, config:DIGEST ...
    Column("first", String, nullable=False),  # when it was first counted
    Column("seq", Integer, nullable=False),  # with which step
)

alerts = tenant_table(
    "ops_alerts",
    Column("id", String, primary_key=True),
    Column("fingerprint", String, nullable=False, index=True),  # with ``open`` empty, of one row at most
    Column("rule", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("labels", String, nullable=False),  # JSON
    Column("said", String, nullable=False),
    Column("figures", String, nullable=False),  # JSON, as of the last look at which it stood
    Column("began", String, nullable=False),  # the first effect that can be seen
    Column("fired", String, nullable=False),
    Column("seen", String, nullable=False),  # the last look at which it stood
    Column("resolved", String, nullable=False, index=True),  # empty while it stands
    Column("incident", String, nullable=False),
)

groups = tenant_table(
    "ops_groups",
    Column("route", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("told", String, nullable=False),  # JSON, the ids of the alerts that were told as standing
    Column("since", String, nullable=False),  # when something was found to tell; empty for nothing
    Column("sent", String, nullable=False),
    Column("number", Integer, nullable=False),  # of messages that were sent
    Column("claimed", String, nullable=False),  # until when whoever sends the next one is left alone
    Column("failures", Integer, nullable=False),  # since the last one that was sent
    Column("problem", String, nullable=False),
)

silences = tenant_table(
    "ops_silences",
    Column("id", String, primary_key=True),
    Column("matches", String, nullable=False),  # JSON, labels to patterns
    Column("since", String, nullable=False),
    Column("until", String, nullable=False),
)

incidents = tenant_table(
    "ops_incidents",
    Column("id", String, primary_key=True),
    Column("status", String, nullable=False, index=True),  # open, mitigated, resolved
    Column("severity", String, nullable=False),
    Column("origin", String, nullable=False),  # alert, person, report
    Column("feature", String, nullable=False),
    Column("rule", String, nullable=False),  # of the alert that opened it
    Column("began", String, nullable=False),
    Column("detected", String, nullable=False),
    Column("mitigated", String, nullable=False),
    Column("resolved", String, nullable=False),
    Column("touched", String, nullable=False),  # when an alert was last added
    Column("revision", Integer, nullable=False),
)

mitigations = tenant_table(
    "ops_mitigations",
    Column("id", String, primary_key=True),
    Column("claim", String, nullable=False),  # of what is done of itself, the same for the same; else the id
    Column("incident", String, nullable=False, index=True),  # empty for what belongs to none
    Column("action", String, nullable=False),  # its text, with names that are declared and ids
    Column("status", String, nullable=False, index=True),
    Column("begun", String, nullable=False),
    Column("ended", String, nullable=False),
    Column("undone", String, nullable=False),
    Column("undo", String, nullable=False),  # what takes it back: the id of a switch, or digests of releases
    Column("rule", String, nullable=False),  # by which it was done of itself; empty for what a person did
    Column("runbook", String, nullable=False),
    Column("place", Integer, nullable=False),  # which step of the runbook
    UniqueConstraint("claim", "tenant"),
)

corrections = tenant_table(
    "ops_corrections",
    Column("id", String, primary_key=True),
    Column("incident", String, nullable=False, index=True),
    Column("kind", String, nullable=False),  # case, gate, alert, other
    Column("status", String, nullable=False),  # accepted, done, dropped
    Column("accepted", String, nullable=False),
    Column("ended", String, nullable=False),
    Column("condition", String, nullable=False),  # of a gate, as it is typed
    Column("cases", String, nullable=False),  # ids of cases, with spaces between
)
