#!/usr/bin/env bash
# Builds the file system of a base image with Python from Debian packages, for machines without an image registry:
#     base_image.sh FILE.tar
# Requires root and debootstrap.
set -euo pipefail
kept=$1
suite=trixie
packages=python3,python3-venv,ca-certificates

folder=$(mktemp -d "$kept.XXXXXX")
trap 'rm -rf "$folder" "$kept.part"' EXIT
debootstrap --variant=minbase --include="$packages" "$suite" "$folder" >"$kept.log" 2>&1 || {
    tail -n 5 "$kept.log" >&2
    exit 1
}
# pip in a build must trust the certificates that this machine trusts.
cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
chmod 0755 "$folder"
tar -C "$folder" -c . >"$kept.part"
mv "$kept.part" "$kept"
