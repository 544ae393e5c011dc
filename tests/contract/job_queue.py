"""What every job queue promises the processor. Standard library only: these checks also run inside the Worker."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

from processor.ports import JobQueue
from schemas.jobs import Job, JobKind

MANY = 250


@dataclass(frozen=True, slots=True)
class Subject:
    """A queue under test, and a function that waits for a number of its jobs and returns their texts in any order."""

    queue: JobQueue
    received: Callable[[int], Awaitable[list[str]]]


async def check_every_job_arrives_as_it_was_sent(subject: Subject) -> None:
    """Check that jobs of every kind are delivered as the text that they encode to."""
    mining = str(uuid4())
    jobs = [
        Job(JobKind.SEGMENT, mining, segment="0123456789abcdef/4294967295/1-4294967295", messages=200),
        Job(JobKind.REFINE, mining, chunk=4000, chunks=96),
        Job(JobKind.TEARDOWN, mining),
    ]

    await subject.queue.send(jobs)

    received = await subject.received(len(jobs))
    assert sorted(received) == sorted(job.encode() for job in jobs)


async def check_many_jobs_are_sent_in_one_call(subject: Subject) -> None:
    """Check that more jobs than fit into a batch are all delivered."""
    mining = str(uuid4())
    jobs = [Job(JobKind.REFINE, mining, chunk=chunk) for chunk in range(MANY)]

    await subject.queue.send(jobs)

    received = await subject.received(MANY)
    assert sorted(received) == sorted(job.encode() for job in jobs)


async def check_nothing_sent_is_nothing_received(subject: Subject) -> None:
    """Check that sending an empty list is not an error and delivers nothing."""
    await subject.queue.send([])
    last = Job(JobKind.TEARDOWN, str(uuid4()))
    await subject.queue.send([last])

    assert await subject.received(1) == [last.encode()]


async def check_what_is_buried_does_not_come_again(subject: Subject) -> None:
    """Check that a job that was given up is not delivered, whatever its text is."""
    await subject.queue.bury("noise \N{SNOWMAN} \0", reason="unreadable")
    await subject.queue.bury(Job(JobKind.SEGMENT, str(uuid4()), segment="d/1/1-1").encode(), reason="crashes")
    last = Job(JobKind.TEARDOWN, str(uuid4()))
    await subject.queue.send([last])

    assert await subject.received(1) == [last.encode()]


CHECKS = (
    check_every_job_arrives_as_it_was_sent,
    check_many_jobs_are_sent_in_one_call,
    check_nothing_sent_is_nothing_received,
    check_what_is_buried_does_not_come_again,
)
