"""Rows whose meaning is fixed once an experiment has left the draft state."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar, Self

from django.db import models, transaction

from abtesting.exceptions import FrozenFieldError


class FrozenModel(models.Model):
    """A model whose `frozen_fields` cannot change while its experiment is not a draft.

    A result is only worth something if what was compared stayed the same while it was counted,
    so this holds for every door (admin, shell, scripts), not only for forms. The state is read
    from the database: an object in memory may be older than the start of its experiment. The
    experiment is locked until the save is done, so that no transition comes in between.
    """

    frozen_fields: ClassVar[tuple[str, ...]] = ()
    lifecycle_fields: ClassVar[tuple[str, ...]] = ()
    """Written by `lifecycle` only, so that each change is audited and no old copy undoes one."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, or raise FrozenFieldError naming the field and the state."""
        with transaction.atomic():
            self._check_frozen(kwargs.get("update_fields"))
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete; a part of an experiment that is not a draft cannot be deleted."""
        with transaction.atomic():
            state = self.frozen_experiment_state()
            if state not in ("draft", ""):
                raise FrozenFieldError(
                    f"{self._meta.verbose_name} {self} cannot be deleted: "
                    f"its experiment is {state}, allowed: draft."
                )
            return super().delete(*args, **kwargs)

    def frozen_experiment_state(self) -> str:
        """Stored state of the experiment whose draft state allows changes; "" without one.

        Locks the experiment until the transaction ends.
        """
        raise NotImplementedError

    def _check_frozen(self, update_fields: Collection[str] | None) -> None:
        if self._state.adding:
            self._check_joins()
            return
        self.frozen_experiment_state()  # locked first: what is read next stays so
        stored = type(self)._base_manager.filter(pk=self.pk).first()
        if stored is None:
            return
        for name in self._changed(stored, self.lifecycle_fields, update_fields):
            raise FrozenFieldError(
                f"{name} of {self._meta.verbose_name} {stored} cannot be changed from "
                f"{getattr(stored, name)!r} to {getattr(self, name)!r} by saving it; allowed: the "
                "functions of abtesting.lifecycle, and saving a copy that is up to date."
            )
        state = stored.frozen_experiment_state()
        if state == "draft":
            self._check_joins()
            return
        for name in self._changed(stored, self.frozen_fields, update_fields):
            raise FrozenFieldError(
                f"{name} of {self._meta.verbose_name} {stored} cannot change from "
                f"{getattr(stored, name)!r} to {getattr(self, name)!r}: its experiment is {state}, "
                "allowed: draft."
            )

    def _changed(
        self, stored: Self, names: tuple[str, ...], update_fields: Collection[str] | None
    ) -> list[str]:
        """Those of `names` that this save would change."""
        return [
            name
            for name in names
            if (update_fields is None or {name, name.removesuffix("_id")} & set(update_fields))
            and getattr(stored, name) != getattr(self, name)
        ]

    def _check_joins(self) -> None:
        """A part may join an experiment, when it is made or moved, only while that is a draft."""
        is_part = any(field.name == "experiment" for field in self._meta.concrete_fields)
        state = self.frozen_experiment_state() if is_part else ""
        if state not in ("draft", ""):
            raise FrozenFieldError(
                f"A {self._meta.verbose_name} cannot be added: its experiment is {state}, "
                "allowed: draft."
            )
