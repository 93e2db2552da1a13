"""`manage.py shopdemo_load`: fills the demo shop; running it again adds nothing twice."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from shopdemo.catalogue.loader import read_catalogue
from shopdemo.loading import load, read_customers


class Command(BaseCommand):
    help = (
        "Load the demo shop: catalogue, reviews and the administrator 'admin', whose password is "
        "SHOPDEMO_ADMIN_PASSWORD or 'demo'. What is already there stays as it is."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("SHOPDEMO_ADMIN_PASSWORD") or "demo"
        try:
            loaded = load(read_catalogue(), read_customers(), admin_password=password)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Added {loaded.num_categories} categories, {loaded.num_products} products, "
            f"{loaded.num_reviews} reviews, {loaded.num_users} users."
        )
