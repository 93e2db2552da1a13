"""The demo shop's Celery app: configured by the CELERY_ settings, tasks found in the apps."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shopdemo.settings")

app = Celery("shopdemo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
