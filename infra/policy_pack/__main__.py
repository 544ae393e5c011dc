"""The policy pack: `--policy-pack infra/policy_pack`; staging adds `--policy-pack-config` with the JSON file here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pulumi_policy import PolicyPack

from infra.policies import make_policies

PolicyPack(name="leadminer", policies=make_policies())
