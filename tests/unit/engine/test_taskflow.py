"""The flow of a task is told to those who listen to it, and made for nobody else."""

from __future__ import annotations

from engine.task import Task
from engine.taskflow import SILENT, STEPS, TASK_EXECUTION, TaskFlow
from pools.errors import Failure
from sprints.listeners import Listeners, Stepped


def task() -> Task:
    made = Task(7, None, "counter/1", "add", None, 10.0)
    made.started_s = 12.0
    return made


def test_each_step_is_told_with_the_task_and_its_end_with_the_time_and_the_error() -> None:
    listeners = Listeners()
    heard: list[Stepped] = []
    listeners.subscribe(f"{TASK_EXECUTION}:*", heard.append)
    flow = TaskFlow(listeners, lambda number: f"j-{number}", lambda: 15.0)
    done = task()
    flow.validated([done])
    flow.assigned([done])
    flow.executed([done])
    flow.judged([done.end("failed", 14.0, error=Failure("ValueError", "no"))])
    flow.kept([done.end("done", 14.0, value=b"1")])
    assert [step.name for step in heard] == [f"{TASK_EXECUTION}:{step}" for step in STEPS]
    assert {step.subject for step in heard} == {"j-7"}
    assert [(step.ran_s, step.error) for step in heard[3:]] == [(3.0, "ValueError: no"), (5.0, None)]


def test_it_is_heard_by_those_only_who_mean_it() -> None:
    listeners = Listeners()
    flow = TaskFlow(listeners, str)
    assert not flow.is_heard
    listeners.subscribe("report:*", print)
    assert not flow.is_heard
    listeners.subscribe("*:checkpoint", print)
    assert flow.is_heard
    assert not SILENT.is_heard
