from __future__ import annotations

from django.db import migrations, models

from abtesting.conf import settings


def keep_the_criteria_that_were_in_force(apps, schema_editor):
    # Until now the settings were read at each analysis. What has been started stays as it is judged
    # today; a draft gets its criteria at the start.
    experiments = apps.get_model("abtesting", "Experiment").objects.using(
        schema_editor.connection.alias
    )
    experiments.exclude(state="draft").update(
        alpha=settings.ALPHA,
        minimum_units=settings.MINIMUM_UNITS,
        tuned_num_units=settings.TUNED_NUM_UNITS,
        prior_lift_sd=settings.PRIOR_LIFT_SD,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("abtesting", "0003_simulation_run"),
    ]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="alpha",
            field=models.FloatField(editable=False, null=True, verbose_name="error rate"),
        ),
        migrations.AddField(
            model_name="experiment",
            name="minimum_units",
            field=models.PositiveIntegerField(
                editable=False, null=True, verbose_name="minimum units"
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="tuned_num_units",
            field=models.PositiveIntegerField(
                editable=False, null=True, verbose_name="tuned units"
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="prior_lift_sd",
            field=models.FloatField(
                editable=False, null=True, verbose_name="prior spread of lifts"
            ),
        ),
        # Last: PostgreSQL alters no table that has been written to in the same transaction.
        migrations.RunPython(keep_the_criteria_that_were_in_force, migrations.RunPython.noop),
    ]
