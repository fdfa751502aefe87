"""``aver roles``: what each role may do."""

from __future__ import annotations

from aver.core.principal import ROLES
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, table

__all__ = ["roles"]


def roles(as_json: AsJson = False) -> None:
    """Print what each role may do."""
    from aver.policy.access import PERMISSIONS, permissions_of

    if as_json:
        print_json({"roles": {role: permissions_of(role) for role in ROLES}, "permissions": PERMISSIONS})
    else:
        given = {role: permissions_of(role) for role in ROLES}
        rows = [
            (name, *("yes" if name in given[role] else "" for role in ROLES), may) for name, may in PERMISSIONS.items()
        ]
        table(("permission", *ROLES, "may"), rows)
