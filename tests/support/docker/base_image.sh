#!/usr/bin/env bash
# Makes a base image with Python from Debian's packages, for machines that reach no image registry:
#     base_image.sh NAME
# Needs root, debootstrap and a Docker engine. The file system is kept, so that a second run takes two seconds.
set -euo pipefail
name=$1
suite=trixie
packages=python3,python3-venv,ca-certificates
cache="${XDG_CACHE_HOME:-$HOME/.cache}/leadminer-build/debian-$suite-1"
kept="$cache/base.tar"

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two runs on one machine take turns
if [[ ! -e $kept ]]; then
    folder=$(mktemp -d "$cache/XXXXXX")
    trap 'rm -rf "$folder" "$kept.part"' EXIT
    debootstrap --variant=minbase --include="$packages" "$suite" "$folder" >"$cache/log" 2>&1 || {
        tail -n 5 "$cache/log" >&2
        exit 1
    }
    # What this machine trusts, pip inside of a build has to trust too.
    cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
    rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/*
    chmod 0755 "$folder"
    tar -C "$folder" -c . >"$kept.part"
    mv "$kept.part" "$kept"
fi
docker import "$kept" "$name" >/dev/null
