"""Tenant-scoped persistence: engines, migrations, tenants, people, API keys, key files, kill switches."""

from aver.store.commits import after_commit
from aver.store.schema import control_metadata, tenant_metadata, tenant_table
from aver.store.service import Store
from aver.store.switches import Switch, Switches, SwitchKind
from aver.store.types import ApiKey, Group, Person, PersonKind, Profile, Tenant, TenantStore

__all__ = [
    "ApiKey",
    "Group",
    "Person",
    "PersonKind",
    "Profile",
    "Store",
    "Switch",
    "SwitchKind",
    "Switches",
    "Tenant",
    "TenantStore",
    "after_commit",
    "control_metadata",
    "tenant_metadata",
    "tenant_table",
]
