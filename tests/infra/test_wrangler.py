"""Wrangler accepts the bundle and would upload exactly our module table. It runs offline and uploads nothing."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.bundle import VENDORED, Bundle, bundle_modules, bundle_worker
from infra.worker import BUCKET, COMPATIBILITY_DATE, COMPATIBILITY_FLAGS, CPU_MS, DATABASE, QUEUE
from tests.support.cloudflare.packages import HERE, Pieces

CHECKOUT = HERE.parents[2]


def stage(bundle: Bundle, folder: Path) -> None:
    """Write a bundle and its configuration in wrangler's layout."""
    for name, module in bundle.items():
        # Wrangler expects vendored files beside the main module's folder, not in it.
        path = folder / name if name.startswith(VENDORED) else folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(module.file, path)
    configuration = {
        "name": "mining-workers-test",
        "main": f"source/{next(iter(bundle))}",
        "compatibility_date": COMPATIBILITY_DATE,
        "compatibility_flags": COMPATIBILITY_FLAGS,
        "limits": {"cpu_ms": CPU_MS},
        "send_metrics": False,
        "r2_buckets": [{"binding": BUCKET, "bucket_name": "mining-emails-test"}],
        "d1_databases": [{"binding": DATABASE, "database_name": "mining-temp-test", "database_id": "0"}],
        "queues": {"producers": [{"binding": QUEUE, "queue": "mining-queue-test"}]},
    }
    (folder / "wrangler.json").write_text(json.dumps(configuration))


def deploy_dry(pieces: Pieces, folder: Path) -> str:
    """Return what `wrangler deploy --dry-run` prints."""
    command = [pieces.node, str(pieces.wrangler), "deploy", "--dry-run", "--outdir", "../out"]
    offline = {"CI": "1", "NO_COLOR": "1", "WRANGLER_SEND_METRICS": "false", "HOME": str(folder)}
    # A proxy that does not exist, so that any network access fails.
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    environment = {"PATH": os.environ["PATH"]} | offline | nowhere
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("worker", ["probe", "entry_worker"])
def test_wrangler_takes_the_bundle_as_it_is(pieces: Pieces, sdk: Path, tmp_path: Path, worker: str) -> None:
    """Wrangler would upload every module under its name, and nothing else."""
    if worker == "probe":
        bundle = bundle_modules("probe.py", {"probe": HERE / "probe.py"}, sdk, max_bytes=2**20)
    else:
        bundle = bundle_worker(CHECKOUT, sdk)
    stage(bundle, tmp_path / "staged")

    printed = deploy_dry(pieces, tmp_path / "staged")

    out = tmp_path / "out"
    uploaded = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert uploaded - {"README.md"} == set(bundle), printed
    total = sum(module.size for module in bundle.values())
    found = re.search(r"Total Upload: ([\d.]+) KiB", printed)
    assert found, printed
    assert abs(float(found[1]) * 1024 - total) < 2048, printed
