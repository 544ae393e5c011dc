"""Jobs cross the queue unchanged, and anything else is refused without being repeated."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.jobs import BadJob, Job, JobKind

MINING = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
JOBS = st.one_of(
    st.builds(
        Job,
        st.just(JobKind.SEGMENT),
        st.just(MINING),
        segment=st.text("0123456789abcdef/-", min_size=1),
        messages=st.integers(0, 10_000),
    ),
    st.builds(Job, st.just(JobKind.REFINE), st.just(MINING), chunk=st.integers(0, 4096), chunks=st.integers(1, 4096)),
    st.builds(Job, st.just(JobKind.TEARDOWN), st.just(MINING), round=st.integers(0, 4096)),
    st.builds(Job, st.just(JobKind.ECHO), sent=st.floats(0, 2**33)),
)


@given(JOBS)
def test_reads_what_it_wrote(job: Job) -> None:
    """Decoding an encoded job returns the same job."""
    text = job.encode()

    assert Job.decode(text) == job


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret@example.org",
        "[]",
        "{}",
        json.dumps({"v": 2, "kind": "teardown", "mining": MINING}),
        json.dumps({"v": 1, "kind": "dance", "mining": MINING}),
        json.dumps({"v": 1, "kind": "teardown", "mining": "secret@example.org"}),
        json.dumps({"v": 1, "kind": "segment", "mining": MINING}),
        json.dumps({"v": 1, "kind": "refine", "mining": MINING, "segment": "a/1/1-2"}),
        json.dumps({"v": 1, "kind": "segment", "mining": MINING, "segment": "a", "messages": -1}),
        json.dumps({"v": 1, "kind": "refine", "mining": MINING, "chunk": math.inf}),
        json.dumps({"v": 1, "kind": "refine", "mining": MINING, "chunk": 1, "chunks": 0}),
        json.dumps({"v": 1, "kind": "teardown", "mining": MINING, "round": -1}),
        json.dumps({"v": 1, "kind": "echo", "sent": math.inf}),
        json.dumps({"v": 1, "kind": "echo", "sent": math.nan}),
        json.dumps({"v": 1, "kind": "teardown", "sent": 1.0}),
        pytest.param("[" * 100_000, id="nested"),
    ],
)
def test_refuses_anything_else_without_repeating_it(text: str) -> None:
    """Anything that is not a job raises BadJob, whose text contains nothing of the input."""
    with pytest.raises(BadJob) as caught:
        Job.decode(text)

    assert "secret" not in str(caught.value)


@given(st.binary())
def test_bytes_of_noise_are_no_job(noise: bytes) -> None:
    """Noise raises only BadJob."""
    with pytest.raises(BadJob):
        Job.decode(noise)
