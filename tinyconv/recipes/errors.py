"""What ends a run without being a bug in tinyconv."""


class RunError(Exception):
    """The user's wish cannot be met, or the machine failed; the message is one line that says what to do."""


class NotWrittenError(RunError):
    """The run's folder took no more: a full disk, a lost permission."""


class NotReadError(RunError):
    """A photograph cannot be read any more, or none can."""


class DivergedError(RunError):
    """Training ended in numbers that are not finite."""
