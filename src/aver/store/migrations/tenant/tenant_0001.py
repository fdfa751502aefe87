"""Everything a tenant has."""

revision = "tenant_0001"
down_revision = None


def upgrade() -> None:
    pass
