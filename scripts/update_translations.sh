#!/bin/sh
# Writes the text of code and templates into the .po files and compiles them. Run it, translate what
# is empty or marked "fuzzy", and run it again.
set -eu
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}

# One run for both: a file's text goes to the catalogue of its app. templates/ is in no app, and goes
# to the demo shop's, which is the one in LOCALE_PATHS.
"$PYTHON" manage.py makemessages --locale zh_Hans --no-obsolete --no-wrap --add-location file \
    --ignore tests --ignore benchmarks --ignore docs --ignore var
for po in abtesting/locale/*/LC_MESSAGES/django.po shopdemo/locale/*/LC_MESSAGES/django.po; do
    # The date of an extraction would be a change without a change.
    sed -i '/^"POT-Creation-Date:/d' "$po"
    msgfmt --check -o "${po%.po}.mo" "$po"
done
