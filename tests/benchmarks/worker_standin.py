"""What stands for a process that times an engine: a subclass answers `call`."""


class WorkerStandIn:
    """Made and entered as `benchmarks.processes.Worker` is."""

    def __init__(self, threads):
        self.threads = threads

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass
