#!/bin/sh
# miniflare starts the program that MINIFLARE_WORKERD_PATH names; this adds an option that miniflare cannot set.
exec "${REAL_WORKERD:?}" "$@" --pyodide-bundle-disk-cache-dir="${PYODIDE_BUNDLE_DIR:?}"
