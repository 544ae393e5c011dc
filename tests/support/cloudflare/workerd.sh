#!/bin/sh
# miniflare starts what MINIFLARE_WORKERD_PATH names; this adds the one option that it has no setting for.
exec "${REAL_WORKERD:?}" "$@" --pyodide-bundle-disk-cache-dir="${PYODIDE_BUNDLE_DIR:?}"
