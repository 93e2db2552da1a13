"""A/B testing inside your own Django project. Importing the package imports nothing else."""

from __future__ import annotations

__version__ = "0.1.0"
