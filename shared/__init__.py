"""What the services must agree on; knows no service."""
