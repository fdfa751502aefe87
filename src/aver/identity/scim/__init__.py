"""SCIM 2.0: the people and groups of a tenant, as an identity provider keeps them."""

from aver.identity.scim.service import Query, Scim

__all__ = ["Query", "Scim"]
