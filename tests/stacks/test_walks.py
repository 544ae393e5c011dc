"""What `docs/operate.md` tells people to type for one server, from nothing to contacts, and in the years after."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from fetcher.export import BOM
from tests.e2e.mailboxes import PASSWORD, fill, mail
from tests.stacks.conftest import Note
from tests.support.docker.engine import DockerEngine
from tests.support.dovecot import Dovecot, free_ports
from tests.support.pulumi.engine import Pulumi
from tests.support.pulumi.project import copy_project
from tests.support.walk import Block, Reader, read_blocks
