"""What the client raises on purpose.

ClientError            its message is one line for people
├── ServiceError       a service refused a request, or cannot be reached (api.py)
├── StackError         the services could not be started, or one of them ended (stack.py)
└── DemoError          the demo has nothing to show (demo.py)
"""

from __future__ import annotations


class ClientError(Exception):
    """Base of the client's errors."""
