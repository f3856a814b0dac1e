"""The order bodies of the tests of the tools, for the roles that use those."""

from tests.shared.tools.conftest import own_saleor_bodies, saleor_bodies

__all__ = ["own_saleor_bodies", "saleor_bodies"]
