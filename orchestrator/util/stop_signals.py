"""SIGTERM and SIGHUP stop a command as Ctrl-C does."""

import signal
import threading
from types import FrameType

STOPPING = ("SIGTERM", "SIGHUP")


def stop_as_ctrl_c() -> None:
    """Have this process treat them as Ctrl-C, but for those that it was started to ignore, as by nohup.

    `ray.init` replaces the handler, so this has to be called after it again.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in STOPPING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _as_ctrl_c)


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    """What stands behind Ctrl-C just now, Tune's handler included; a shell's `&` may have turned it off."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:
        raise KeyboardInterrupt
