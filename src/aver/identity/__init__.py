"""Who people are: the directory of each tenant, signing in through an identity provider, sessions, provisioning."""

from aver.identity.declaration import Declaration
from aver.identity.directory import Change, Directory, LastOwner
from aver.identity.sessions import Sessions
from aver.identity.signing_in import SigningIn

__all__ = ["Change", "Declaration", "Directory", "LastOwner", "Sessions", "SigningIn"]
