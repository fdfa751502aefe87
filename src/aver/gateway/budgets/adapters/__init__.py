"""Other places to keep grants than the tenant's database."""
