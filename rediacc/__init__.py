"""rediacc: the priority queue for Ansible."""

__version__ = "0.1.0"

__all__ = ["__version__"]
