"""tests/lint/test_layers.py - the layer rule holds for the tree, and catches an include to the right."""
import pytest

import layers

HEADERS = {path: "" for path in (
    "base/err.h", "proto/types.h", "storage/env.h", "consensus/pgraft.h", "consensus/core.h",
    "supervisor/world.h", "config/config.h", "daemon/http.h", "ctl/render.h", "tests/lib/death.h", "bench/clock.h",
    "base/version.h.in", "proto/kv.proto")}


def test_the_tree(real, clean):
    clean(layers.problems(real))


@pytest.mark.parametrize("path, include", [
    ("base/a.c", "base/err.h"), ("base/a.c", "base/version.h"), ("proto/a.c", "base/err.h"),
    ("proto/codec.c", "proto/kv.pb-c.h"), ("storage/a.c", "proto/types.h"),
    ("consensus/a.c", "storage/env.h"), ("consensus/a.c", "consensus/core.h"),
    ("supervisor/a.c", "consensus/pgraft.h"), ("supervisor/a.c", "base/err.h"),
    ("daemon/a.c", "supervisor/world.h"), ("daemon/a.c", "consensus/core.h"), ("ctl/a.c", "base/err.h"),
    ("config/a.c", "proto/types.h"), ("daemon/a.c", "config/config.h"), ("ctl/a.c", "config/config.h"),
    ("tests/unit/test_a.c", "daemon/http.h"), ("tests/unit/test_a.c", "tests/lib/death.h"),
    ("bench/a.c", "consensus/core.h")])
def test_allowed(plant, path, include):
    assert layers.problems(plant(HEADERS | {path: f'#include "{include}"\n'})) == []


@pytest.mark.parametrize("path, include, says", [
    ("base/a.c", "proto/types.h", 'base includes "proto/types.h" of proto'),
    ("base/a.h", "daemon/http.h", 'base includes "daemon/http.h" of daemon'),
    ("proto/a.c", "storage/env.h", 'proto includes "storage/env.h" of storage'),
    ("storage/a.c", "consensus/pgraft.h", 'storage includes "consensus/pgraft.h" of consensus'),
    ("consensus/a.c", "supervisor/world.h", 'consensus includes "supervisor/world.h" of supervisor'),
    ("supervisor/a.c", "consensus/core.h", 'supervisor includes "consensus/core.h" of consensus'),
    ("supervisor/a.c", "daemon/http.h", 'supervisor includes "daemon/http.h" of daemon'),
    ("consensus/a.c", "config/config.h", 'consensus includes "config/config.h" of config'),
    ("supervisor/a.c", "config/config.h", 'supervisor includes "config/config.h" of config'),
    ("config/a.c", "daemon/http.h", 'config includes "daemon/http.h" of daemon'),
    ("daemon/a.c", "ctl/render.h", 'daemon includes "ctl/render.h" of ctl'),
    ("ctl/a.c", "daemon/http.h", 'ctl includes "daemon/http.h" of daemon'),
    ("base/a.c", "tests/lib/death.h", 'base includes "tests/lib/death.h" of tests'),
    ("daemon/a.c", "bench/clock.h", 'daemon includes "bench/clock.h" of bench'),
    ("storage/a.c", "proto/kv.pb-c.h", "stays inside proto"),
    ("tests/unit/test_a.c", "proto/kv.pb-c.h", "stays inside proto"),
    ("base/a.c", "base/gone.h", '"base/gone.h" is no file of this tree'),
    ("base/a.c", "proto/gone.pb-c.h", '"proto/gone.pb-c.h" is no file of this tree'),
    ("base/a.c", "err.h", 'write "base/err.h"'),
    ("base/a.c", "../base/err.h", "climbs out of its folder"),
    ("tools/a.c", "base/err.h", "C outside of every layer")])
def test_caught(plant, places, path, include, says):
    found = layers.problems(plant(HEADERS | {path: f'/* a */\n#include "{include}"\n'}))
    assert len(found) == 1 and says in str(found[0])
    assert places(found) == [f"{path}:1" if path.startswith("tools") else f"{path}:2"]


def test_angle_brackets_are_no_way_around(plant):
    found = layers.problems(plant(HEADERS | {"base/a.c": "#include <stdio.h>\n#include <proto/types.h>\n"}))
    assert [str(p) for p in found] == [
        'base/a.c:2: <proto/types.h> is a file of ours; quote it: #include "proto/types.h"']


def test_a_comment_or_a_string_includes_nothing(plant):
    text = '/* #include "daemon/http.h" */\nstatic const char *s = "#include \\"daemon/http.h\\"";\n'
    assert layers.problems(plant(HEADERS | {"base/a.c": text})) == []
