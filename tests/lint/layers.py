"""tests/lint/layers.py - data flows one way: a layer includes itself and what stands to its left.

base, proto, storage, consensus, supervisor, config, then the programs daemon and ctl, which know nothing
of each other; config is what they share (docs/decisions/0005), and nobody else sees it. tests and bench may look at everything. Of consensus, the supervisor sees pgraft.h alone.
Every include of ours is quoted and written from the top: "storage/env.h"."""
import csource
from tree import Problem

ORDER = ("base", "proto", "storage", "consensus", "supervisor", "config", "programs")
RANK = {layer: rank for rank, layer in enumerate(ORDER)} | dict.fromkeys(("daemon", "ctl"), ORDER.index("programs"))
SEE_ALL = ("tests", "bench", "examples")
ARROWS = "base -> proto -> storage -> consensus -> supervisor -> config -> daemon, ctl"


def problems(tree):
    found = []
    for path, text in tree.of_language("c"):
        for include in csource.includes(text):
            wrong = _wrong_include(tree, path, include)
            if wrong:
                found.append(Problem(path, include.line, *wrong))
        if layer_of(path) is None:
            found.append(Problem(path, 1, "C outside of every layer", f"move it into one: {ARROWS}"))
    return found


def layer_of(path):
    first = path.split("/")[0] if "/" in path else None
    return first if first in RANK or first in SEE_ALL else None


def exists(tree, name):
    """@name is a file of the tree, or the build makes it from one."""
    made_from = name[:-len(".pb-c.h")] + ".proto" if name.endswith(".pb-c.h") else name + ".in"
    return name in tree or made_from in tree


def _wrong_include(tree, path, include):
    name = include.name
    if ".." in name.split("/"):
        return f'include of "{name}" climbs out of its folder', "write the path from the top"
    if not include.quoted:
        if exists(tree, name):
            return f"<{name}> is a file of ours", f'quote it: #include "{name}"'
        return None
    if not exists(tree, name):
        folder = path.rpartition("/")[0]
        if exists(tree, f"{folder}/{name}"):
            return f'"{name}" is not written from the top', f'write "{folder}/{name}"'
        return (f'"{name}" is no file of this tree',
                "correct its name, or use <...> for a header of the system")
    return _wrong_direction(layer_of(path), layer_of(name), name)


def _wrong_direction(source, target, name):
    """Why @source may not see @name of the layer @target, or None if it may."""
    if name.endswith(".pb-c.h") and source != "proto":
        return (f'"{name}" is generated code and stays inside proto',
                "use the plain structs of proto/codec.h")
    if source is None or source in SEE_ALL or source == target:
        return None
    if target not in RANK:
        return f'{source} includes "{name}" of {target or "no layer"}', f"only layers: {ARROWS}"
    if RANK[target] >= RANK[source]:
        return (f'{source} includes "{name}" of {target}',
                f"a layer sees itself and its left only ({ARROWS}): move what both need to the left")
    if source == "supervisor" and target == "consensus" and name != "consensus/pgraft.h":
        return (f'supervisor includes "{name}" of consensus',
                "of consensus it may see consensus/pgraft.h alone: offer it there")
    return None
