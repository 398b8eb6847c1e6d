# Read on stdin by a release's own Python (-I: nothing from the start directory or PYTHONPATH), for
# release/inventory.c. Answers one JSON object on stdout. Arguments: the extras of Open WebUI.
import json
import re
import sys
from importlib import metadata

try:
    from packaging.requirements import Requirement
except ImportError:
    from pip._vendor.packaging.requirements import Requirement

# Belong to the environment, not to what somebody installed into it.
TOOLS = {"pip", "setuptools", "wheel", "uv", "open-webui"}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def frozen(dist):
    """name==version, or where it was checked out from."""
    text = dist.read_text("direct_url.json")
    origin = json.loads(text) if text else {}
    vcs = origin.get("vcs_info")
    if vcs and "commit_id" in vcs:
        return "%s @ %s+%s@%s" % (canonical(dist.name), vcs["vcs"], origin["url"], vcs["commit_id"])
    return "%s==%s" % (canonical(dist.name), dist.version)


def installed():
    found = {}
    for dist in metadata.distributions(path=[p for p in sys.path if p.endswith("site-packages")]):
        if dist.metadata["Name"]:
            found.setdefault(canonical(dist.metadata["Name"]), dist)
    return found


def applies(requirement, extras):
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in extras or [""])


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
        dist = found.get(name)
        for text in dist.requires or [] if dist else []:
            requirement = Requirement(text)
            if applies(requirement, wanted):
                todo.append((canonical(requirement.name), frozenset(requirement.extras)))
    return set(seen)


def main():
    found = installed()
    wanted = closure(found, [extra for extra in sys.argv[1:] if extra])
    print(
        json.dumps(
            {
                "base": getattr(sys, "_base_executable", None) or sys.executable,
                "venv": sys.prefix != sys.base_prefix,
                "version": "%d.%d.%d" % sys.version_info[:3],
                "freeze": sorted(frozen(dist) for dist in found.values()),
                "extra": sorted(
                    frozen(dist)
                    for name, dist in found.items()
                    if name not in wanted and name not in TOOLS
                ),
            }
        )
    )


main()
