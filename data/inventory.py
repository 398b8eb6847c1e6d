# Read on stdin by a release's own Python (-I: nothing from the start directory or PYTHONPATH), for
# release/inventory.c. Answers one JSON object on stdout. Arguments: the extras of Open WebUI; before
# them, for a system's Python, --packages=DIR: where Open WebUI lies.
import json
import os
import re
import site
import sys
from importlib import metadata

try:
    from packaging.requirements import Requirement
except ImportError:
    try:
        from pip._vendor.packaging.requirements import Requirement
    except ImportError:
        Requirement = None

# Belong to the environment, not to what somebody installed into it.
TOOLS = {"pip", "setuptools", "wheel", "uv", "open-webui"}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


class Package:
    """What importlib.metadata would say, which parses the whole description at each question: a third
    of the time of a backup."""

    def __init__(self, dist):
        self.dist = dist
        text = dist.read_text("METADATA")
        self.head = None if text is None else text.partition("\n\n")[0]
        self.name = self.first("Name")

    def first(self, key):
        if self.head is None:
            return self.dist.metadata[key]
        found = re.search(r"^%s:[ \t]*(.*?)[ \t]*$" % key, self.head, re.M | re.I)
        return found and found.group(1)

    def requires(self):
        if self.head is None:
            return self.dist.requires or []
        # A value may go on in lines that begin with a blank.
        whole = re.sub(r"\r?\n[ \t]+", " ", self.head)
        return re.findall(r"^Requires-Dist:[ \t]*(.*?)[ \t]*$", whole, re.M | re.I)

    def frozen(self):
        """name==version, or where it was checked out from."""
        text = self.dist.read_text("direct_url.json")
        origin = json.loads(text) if text else {}
        vcs = origin.get("vcs_info")
        if vcs and "commit_id" in vcs:
            return "%s @ %s+%s@%s" % (canonical(self.name), vcs["vcs"], origin["url"], vcs["commit_id"])
        return "%s==%s" % (canonical(self.name), self.first("Version"))


def by_hand(dist):
    """Not a package of the operating system, which no index has in that form."""
    return (dist.read_text("INSTALLER") or "").strip() in ("pip", "uv")


def installed(system):
    """`system`: the folder of a system's Python; the user site adds to it."""
    found = {}
    folders = [p for p in sys.path if p.endswith("site-packages")]
    if system:
        users = [site.getusersitepackages()] if os.geteuid() != 0 else []
        folders = list(dict.fromkeys(users + [system]))
    for dist in metadata.distributions(path=folders):
        package = Package(dist)
        if package.name and (not system or by_hand(dist)):
            found.setdefault(canonical(package.name), package)
    return found


def applies(marker, extras):
    if marker is None:
        return True
    return any(marker.evaluate({"extra": extra}) for extra in extras)


def asked_for(text, extras):
    """(name, its extras) of one Requires-Dist line, or None when it is not for these extras."""
    if Requirement:
        requirement = Requirement(text)
        if not applies(requirement.marker, extras):
            return None
        return canonical(requirement.name), frozenset(requirement.extras)
    # Without the library other markers count as true: a package too many in the closure is only one
    # that is not carried over twice.
    only_for = re.search(r"""\bextra\s*==\s*['"]([^'"]+)""", text)
    if only_for and only_for.group(1) not in extras:
        return None
    parts = re.match(r"\s*([\w.-]+)\s*(?:\[([^\]]*)\])?", text)
    wanted = [extra.strip() for extra in (parts.group(2) or "").split(",") if extra.strip()]
    return canonical(parts.group(1)), frozenset(wanted)


def closure(found, extras):
    """Every package that Open WebUI with these extras asks for, directly or not, as installed."""
    seen = {}
    todo = [("open-webui", frozenset(extras))]
    while todo:
        name, wanted = todo.pop()
        wanted = wanted | seen.get(name, frozenset([""]))
        if seen.get(name) == wanted:
            continue
        seen[name] = wanted
        package = found.get(name)
        for text in package.requires() if package else []:
            found_one = asked_for(text, wanted)
            if found_one:
                todo.append(found_one)
    return set(seen)


def main():
    words = sys.argv[1:]
    system = words.pop(0)[len("--packages=") :] if words[:1] and words[0][:2] == "--" else None
    found = installed(system)
    wanted = closure(found, [extra for extra in words if extra])
    print(
        json.dumps(
            {
                "base": getattr(sys, "_base_executable", None) or sys.executable,
                "venv": sys.prefix != sys.base_prefix,
                "version": "%d.%d.%d" % sys.version_info[:3],
                "freeze": sorted(package.frozen() for package in found.values()),
                "extra": sorted(
                    package.frozen()
                    for name, package in found.items()
                    if name not in wanted and name not in TOOLS
                ),
            }
        )
    )


main()
