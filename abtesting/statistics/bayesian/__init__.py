"""The Bayesian view: posteriors, chances to win, expected losses, and priors from past tests."""

from __future__ import annotations
