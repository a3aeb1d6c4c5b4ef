"""What the backends keep for the process: runs that overlap or nest leave it as it was."""

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import graphcalc
from graphcalc.backends.process import PROCESS, ProcessState, SharedChange, SharedLimit
from graphcalc.backends.torch.memory import allocate
from graphcalc.backends.torch.threads import limited

CPU = torch.device("cpu")
LARGE = (1 << 20,)


class Number:
    """A number of the process, as torch's number of threads is one."""

    def __init__(self, value):
        self.value = value

    def read(self):
        """The number."""
        return self.value

    def write(self, value):
        """Set it."""
        self.value = value


def in_other_thread(task):
    """What a task gives that is run in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(task).result()


def test_nested_pauses_end_with_the_outer_one():
    """The collector is off until the outer pause ends, and then as before."""
    assert gc.isenabled()
    with PROCESS.collection.lasting():
        with PROCESS.collection.lasting():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    """A pause does not switch on what its caller had switched off."""
    gc.disable()
    try:
        with PROCESS.collection.lasting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_overlapping_changes_are_undone_by_the_last(first_to_leave):
    """Of two that overlap, in whatever order they end, the last one undoes the change."""
    log = []

    def change():
        log.append("change")
        return lambda: log.append("undo")

    shared = SharedChange(change)
    both = [shared.lasting(), shared.lasting()]
    for one in both:
        one.__enter__()
    both[first_to_leave].__exit__(None, None, None)
    assert log == ["change"]
    both[1 - first_to_leave].__exit__(None, None, None)
    assert log == ["change", "undo"]


def test_limits_of_one_thread_nest():
    """An inner limit gives way to the outer one, and that to the number from before."""
    number, shared = Number(8), SharedLimit()
    with shared.lasting(4, number.read, number.write):
        with shared.lasting(2, number.read, number.write):
            assert number.value == 2
        assert number.value == 4
        with shared.lasting(None, number.read, number.write):
            assert number.value == 4
    assert number.value == 8


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_limits_of_two_threads_do_not_become_each_others_normal(first_to_leave):
    """A thread that comes while another is limited is not taken for one with that limit."""
    number, shared = Number(8), SharedLimit()
    entered, may_leave = [threading.Event(), threading.Event()], [threading.Event() for _ in "ab"]

    def task(place, limit):
        with shared.lasting(limit, number.read, number.write):
            entered[place].set()
            assert may_leave[place].wait(10)

    threads = [threading.Thread(target=task, args=pair) for pair in enumerate((1, 3))]
    for thread, event in zip(threads, entered):
        thread.start()
        assert event.wait(10)
    for place in (first_to_leave, 1 - first_to_leave):
        may_leave[place].set()
        threads[place].join()
    assert number.value == 8


def test_a_limit_of_a_thread_leaves_torch_as_it_was():
    """A run with a limit, beside one without in a new thread, changes neither for later."""
    before = torch.get_num_threads()
    with limited(1):

        def other():
            with limited(None):
                return torch.get_num_threads()

        assert in_other_thread(other) == before
        with limited(2):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    assert in_other_thread(torch.get_num_threads) == before


def test_a_failing_run_leaves_the_process_as_it_was():
    """An error in a run undoes what the run had changed."""
    before = torch.get_num_threads()
    with pytest.raises(graphcalc.GraphcalcError, match="outside"):
        graphcalc.run("x[i]", x=[1, 2], i=[0, 7], backend="torch", threads=1)
    assert torch.get_num_threads() == before
    assert gc.isenabled()


def test_runs_in_threads_give_what_they_give_alone():
    """Large runs at once, with threads and held memory, have the values of each run alone."""
    compiled = [
        graphcalc.compile(
            f"x = randn(600000); y = sin(x) * {k} + x^2; mean_y = mean(y)",
            backend="torch",
            seed=k,
            threads=1 + k % 2,
        )
        for k in range(4)
    ]
    alone = [program().trace.select(["x"])[0].summary for program in compiled]
    means = [program()["mean_y"].item() for program in compiled]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda program: program(), compiled * 2))
    assert [r.trace.select(["x"])[0].summary for r in together] == alone * 2
    assert [r["mean_y"].item() for r in together] == means * 2
    assert len(set(means)) == 4


def test_memory_is_not_given_to_two_tensors():
    """Memory of a tensor that is still there goes to no other one; freed memory does."""
    first, second = allocate(LARGE, torch.float64, CPU), allocate(LARGE, torch.float64, CPU)
    assert first.data_ptr() != second.data_ptr()
    freed = first.data_ptr()
    view = second[:10]
    del first, second
    third = allocate(LARGE, torch.float64, CPU)
    assert third.data_ptr() == freed
    assert allocate(LARGE, torch.float64, CPU).data_ptr() != view.data_ptr()


def test_a_forked_process_starts_anew():
    """A child of a process with pools and held locks computes all the same."""
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    state = PROCESS
    with state.memory_lock, state.thread_lock:
        child = os.fork()
        if child == 0:
            is_free = state.memory_lock.acquire(blocking=False)
            os._exit(0 if is_free and not state.thread_pools else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_states_are_independent():
    """Nothing of a state is shared with another one."""
    one, other = ProcessState(), ProcessState()
    one.thread_pools[2] = None
    with one.memory_lock:
        assert other.memory_lock.acquire(blocking=False)
    assert other.thread_pools == {}
