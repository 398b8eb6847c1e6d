# Starts a server of Open WebUI early, for service/prewarm.c. Run by a release's own Python with the
# environment, folder, user and limits of the site:
#
#     PYTHON LAUNCHER warm FD LIST SCRIPT ARG...    imports what LIST names, waits, becomes SCRIPT
#     PYTHON LAUNCHER record FD SCRIPT ARG...       becomes SCRIPT, tells what was imported
#
# SCRIPT ARG... may also be -m NAME ARG... FD is one end of a socket pair. On it, line by line:
#
#     warm:   > here                       it can be told from a server now (see call_me)
#             > ready MODULES FAILED ...   each failed one as NAME:EXCEPTION
#             < G                          go on; the socket is closed
#     record: < L                          > a module a line, then an empty line
#
# End of file where G is awaited: whoever started this is gone or wants it no more. It leaves at once
# and has touched nothing: no file, no database, nothing of open_webui has been imported.
import gc
import importlib.machinery
import importlib.util
import os
import select
import signal
import sys

WAITING = "belay-waiting"
OWN = ("open_webui", "__main__")
ANSWER_MAX = 4000


def send(fd, text, os=os):
    rest = text.encode()
    while rest:
        rest = rest[os.write(fd, rest) :]


def take_place_of(words):
    """Be seen by modules, while they are imported, as the command that will run."""
    sys.orig_argv[1:] = words
    sys.argv = list(words)
    if words[0] == "-m":
        del sys.argv[1]  # and runpy replaces -m by the module's path
    if getattr(sys.flags, "safe_path", False):
        return  # no folder of a script in sys.path at all
    sys.path_importer_cache.pop(sys.path[0], None)
    if words[0] == "-m":
        sys.path[0] = os.getcwd()
    else:
        # Not the folder of SCRIPT: ENV still names the release before this one.
        sys.path[0] = os.path.realpath(os.path.dirname(sys.executable))


def run(words):
    """What Python does with these words, in the real __main__ and without our names in it."""
    names = sys.modules["__main__"].__dict__
    command = words[0]
    if command == "-m":
        import runpy

        run_module, module = runpy._run_module_as_main, words[1]
    else:
        path = os.path.join(os.getcwd(), command)  # as Python makes __file__
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        if not getattr(sys.flags, "safe_path", False):
            sys.path[0] = os.path.dirname(os.path.realpath(path))
        names["__file__"] = path
        names["__loader__"] = importlib.machinery.SourceFileLoader("__main__", path)
    for name in [name for name in names if not name.startswith("__")]:
        del names[name]
    if command == "-m":
        run_module(module)
    else:
        exec(code, names)


# ---- warm


def call_me(name):
    """belay and the site's own scripts tell a server from one that waits by the process name, which
    threads of native libraries have inherited."""
    for task in os.listdir("/proc/self/task"):
        try:
            with open("/proc/self/task/%s/comm" % task, "r+b", buffering=0) as file:
                if int(task) == os.getpid() or file.read().strip() == WAITING.encode():
                    file.write(name.encode()[:15])
        except OSError:
            pass  # a thread that has just ended


def settings_file():
    """The .env that open_webui/env.py is going to read; None without one."""
    package = importlib.util.find_spec("open_webui")
    if not package or not package.origin:
        return None
    env_py = os.path.realpath(os.path.join(os.path.dirname(package.origin), "env.py"))
    path = os.path.join(os.path.dirname(env_py), "..", "..", ".env")
    return os.path.normpath(path) if os.path.isfile(path) else None


def lend_settings():
    """In an ordinary start env.py comes before nearly all imports. Returns what has to be taken back
    before `serve` runs."""
    before = set(os.environ)
    path = settings_file()
    if path:
        importlib.import_module("dotenv").load_dotenv(path)
    lent = {name: value for name, value in os.environ.items() if name not in before}
    if os.environ.get("OFFLINE_MODE", "").lower() == "true":
        # env.py does the same; huggingface_hub looks at it only once, when imported.
        os.environ["HF_HUB_OFFLINE"] = "1"
    return lent


def take_back(lent):
    """`serve` takes the key file if WEBUI_SECRET_KEY is not set; it must not see the one of .env,
    which counts only later. All others come again with env.py."""
    for name, value in lent.items():
        if os.environ.get(name) == value:
            del os.environ[name]


def import_all(path, gone):
    failed = []
    with open(path, encoding="utf-8") as file:
        names = file.read().split()
    for name in names:
        if gone.poll(0):  # nothing is sent to us before we are ready
            os._exit(0)
        if name.split(".")[0] in OWN:
            continue
        try:
            importlib.import_module(name)
        except BaseException as why:  # the ordinary start will meet it again, and say so
            failed.append("%s:%s" % (name, type(why).__name__))
    return failed


def prepare(path, gone):
    lent = {}
    try:
        lent = lend_settings()
        failed = import_all(path, gone)
    except Exception as why:
        failed = ["launcher:%s" % type(why).__name__]
    finally:
        take_back(lent)
    gc.collect()
    gc.freeze()  # or the collector walks through all of it again and again during the start: 1 s
    return failed


def wait_for_go(fd, path):
    gone = select.poll()
    gone.register(fd, select.POLLIN | select.POLLHUP)
    try:
        send(fd, "here\n")
        failed = prepare(path, gone)
        text = "ready %d %d %s" % (len(sys.modules), len(failed), " ".join(failed))
        send(fd, text[:ANSWER_MAX] + "\n")
        if os.read(fd, 1) != b"G":
            os._exit(0)  # without exit handlers: they belong to a server that never began
    except OSError:
        os._exit(0)


def warm(fd, path, *words):
    # Python's handler would raise KeyboardInterrupt in the middle of somebody's import.
    on_interrupt = signal.getsignal(signal.SIGINT)
    if on_interrupt != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    with open("/proc/self/comm") as file:
        name = file.read().strip()
    call_me(WAITING)
    take_place_of(words)
    wait_for_go(fd, path)
    # As the kernel names a script that is started by its own first line.
    call_me(name if words[0] == "-m" else os.path.basename(words[0]))
    os.close(fd)
    signal.signal(signal.SIGINT, on_interrupt)
    run(words)


# ---- record


def loaded_modules(before, sys=sys, own=OWN):
    """Third-party modules beyond those of any Python start, in the order in which they were loaded.
    What a library puts there by itself has no spec and cannot be imported by name."""
    names = []
    for name, module in sys.modules.copy().items():
        top = name.split(".")[0]
        if name in before or top in own or top in sys.stdlib_module_names:
            continue
        if getattr(module, "__spec__", None) is not None:
            names.append(name)
    return names


def record(fd, *words):
    import threading

    before = set(sys.modules)

    # By the time of the question our names are no longer in __main__.
    def answer(fd=fd, read=os.read, send=send, loaded_modules=loaded_modules):
        try:
            while read(fd, 1) == b"L":
                send(fd, "\n".join(loaded_modules(before)) + "\n\n")
        except OSError:
            pass

    take_place_of(words)
    threading.Thread(target=answer, daemon=True, name="belay-record").start()
    run(words)


def main():
    mode, fd = sys.argv[1], int(sys.argv[2])
    os.set_inheritable(fd, False)
    {"warm": warm, "record": record}[mode](fd, *sys.argv[3:])


main()
