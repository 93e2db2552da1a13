#!/bin/sh
# Checks that every .po file has the messages of the code and templates of now, all of them translated,
# and that the .mo beside it is what msgfmt makes of it now.
set -eu
cd "$(dirname "$0")/.."

for tool in msgfmt xgettext; do
    command -v $tool >/dev/null 2>&1 || {
        echo "$tool is missing. On Debian and Ubuntu: apt-get install gettext" >&2
        exit 1
    }
done
python=$(command -v "${PYTHON:-.venv/bin/python}") || {
    echo "There is no ${PYTHON:-.venv/bin/python}: run make lint, which makes it." >&2
    exit 1
}
case $python in /*) ;; *) python=$PWD/$python ;; esac
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# The extraction writes into the .po files, so a copy gets it. What is written there (the shop's
# var/ too) goes with the copy.
cp -R abtesting shopdemo templates scripts manage.py "$copy"
SHOPDEMO_VAR="$copy/var" PYTHON="$python" "$copy/scripts/update_translations.sh" >"$copy/log" 2>&1 || {
    cat "$copy/log" >&2
    exit 1
}

# As text, because two releases of gettext may lay the same messages out differently.
plain() {
    msgcat --no-location --sort-output --no-wrap "$1" | sed '/^#/d; /^"POT-Creation-Date:/d'
}

num_files=0
num_wrong=0
wrong() {
    echo "$1" >&2
    num_wrong=$((num_wrong + 1))
}
for po in $(find abtesting shopdemo -name '*.po' | sort); do
    num_files=$((num_files + 1))
    mo=${po%.po}.mo
    if ! msgfmt --check -o "$copy/fresh.mo" "$po"; then
        wrong "$po has errors."
        continue
    fi
    plain "$po" >"$copy/old"
    plain "$copy/$po" >"$copy/new"
    if ! diff -U 0 "$copy/old" "$copy/new" >&2; then
        wrong "$po is not what the code says now (see above): run scripts/update_translations.sh"
    fi
    if [ -n "$(msgattrib --untranslated "$po")$(msgattrib --only-fuzzy "$po")" ]; then
        wrong "$po has messages without a translation, or with one marked fuzzy."
    fi
    msgunfmt "$copy/fresh.mo" >"$copy/new"
    if ! { [ -f "$mo" ] && msgunfmt "$mo" >"$copy/old" && cmp -s "$copy/old" "$copy/new"; }; then
        wrong "$mo is not what msgfmt makes of $po: run scripts/update_translations.sh"
    fi
done
[ "$num_files" -gt 0 ] || {
    echo "There are no .po files under abtesting or shopdemo." >&2
    exit 1
}
echo "Translations: $num_files checked, $num_wrong wrong"
[ "$num_wrong" -eq 0 ]
