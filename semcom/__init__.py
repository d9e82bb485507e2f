"""What people import: `from semcom import Client`; see `docs/tour.ipynb`."""

from semcom.api import Client, ServiceError
from semcom.errors import ClientError

__all__ = ["Client", "ClientError", "ServiceError"]
