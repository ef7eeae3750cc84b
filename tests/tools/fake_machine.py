#!/usr/bin/python3 -IS
"""tests/tools/fake_machine.py - apt-get, apt-cache, dpkg-query, id and sudo of a made-up machine.

test_setup.py puts links with those names into a folder that is the whole PATH of what it runs. The
state is in the folder $MACHINE: installed and offers hold lines "package version [suite]"; calls is
the log of what was called, and files under behave/ turn failures on. Nothing else is touched."""
import os
import sys
import time

MACHINE = os.environ["MACHINE"]
ROOT = os.environ.get("SETUP_ROOT") or "/nonexistent"
CREATECLUSTER = "/etc/postgresql-common/createcluster.conf"
PATIENCE_S = 30


def behaves(name):
    return os.path.exists(f"{MACHINE}/behave/{name}")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def add(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def log(text):
    add(f"{MACHINE}/calls", text + "\n")


def rows(name):
    return [line.split() for line in read(f"{MACHINE}/{name}").splitlines()]


def offers():
    """What apt knows of: those of the machine, and those of our entry while it stands."""
    entry = ROOT + "/etc/apt/sources.list.d/pgraft-backports."
    stands = os.path.exists(entry + "sources") or os.path.exists(entry + "list")
    ours = ["libraft-dev", "0.22.1-1~bpo12+1", "bookworm-backports"]
    known = os.path.exists(f"{MACHINE}/backports-known")
    return rows("offers") + ([ours] if stands and known else [])


def dpkg_query(args):
    log("dpkg-query")
    installed = {row[0]: row[1] for row in rows("installed")}
    form = args[args.index("-f") + 1]
    names = [arg for arg in args if not arg.startswith("-") and arg != form]
    for name in names:
        if name in installed:
            line = form.replace("${Package}", name).replace("${db:Status-Status}", "installed")
            sys.stdout.write(line.replace("${Version}", installed[name]).replace("\\n", "\n"))
    return 0 if all(name in installed for name in names) else 1


def apt_cache(args):
    command, package = args
    found = [row for row in offers() if row[0] == package]
    if command == "policy":
        own = [row[1] for row in found if "backports" not in row[2]] or [row[1] for row in found]
        print(f"{package}:\n  Installed: (none)\n  Candidate: {own[0] if own else '(none)'}")
        print("  Version table:")
    if command == "madison":
        for _, version, suite in found:
            print(f"{package} | {version:>10} | http://packages.example/debian {suite}/main "
                  "amd64 Packages")
    return 0


def fail(*lines):
    print("\n".join(lines), file=sys.stderr)
    return 100


def wait_for_release():
    """Stand still in the middle of a call until the test has done what it wants to."""
    add(f"{MACHINE}/blocked", "")
    until = time.monotonic() + PATIENCE_S
    while not os.path.exists(f"{MACHINE}/release") and time.monotonic() < until:
        time.sleep(0.01)


def update(args):
    source = next((a.partition("=")[2] for a in args if a.startswith("Dir::Etc::sourcelist=")), "")
    if not source:
        if behaves("update-locked"):
            os.unlink(f"{MACHINE}/behave/update-locked")
            return fail("E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7")
        return fail("E: Failed to fetch: no network") if behaves("update-fails") else 0
    log("entry " + read(source).replace("\n", "|"))
    if behaves("block-source"):
        wait_for_release()
    if "packages.example" not in read(source):
        return fail("E: The repository does not have a Release file.")
    add(f"{MACHINE}/backports-known", "")
    return 0


def services_may_start():
    policy = f"{ROOT}/usr/sbin/policy-rc.d"
    if not os.access(policy, os.X_OK):
        return True
    return os.waitstatus_to_exitcode(os.system(f"'{policy}' x start")) != 101


def cluster_would_be_created():
    return (not os.path.exists(ROOT + CREATECLUSTER)
            or "\ncreate_main_cluster = false" not in read(ROOT + CREATECLUSTER))


def install(packages):
    if services_may_start():
        log("!! services may start")
    if any(p.startswith("postgresql-1") for p in packages) and cluster_would_be_created():
        log("!! a cluster is created")
    if "postgresql-common" in packages and not os.path.exists(ROOT + CREATECLUSTER):
        os.makedirs(os.path.dirname(ROOT + CREATECLUSTER))
        add(ROOT + CREATECLUSTER, "# packaged\n#create_main_cluster = true\n")
    if behaves("lock-held"):
        print("Waiting for cache lock: Could not get lock /var/lib/dpkg/lock-frontend.", flush=True)
    if behaves("block") or behaves("lock-held"):
        wait_for_release()
    if behaves("install-fails"):
        return fail("Reading package lists...", "E: Unable to locate package nothing-like-it")
    if services_may_start():
        log("!! services may start at the end")
    if behaves("installs-nothing"):
        return 0
    for package in packages:
        name, _, suite = package.partition("/")
        versions = [row[1] for row in offers() if row[0] == name and suite in ("", row[2])]
        add(f"{MACHINE}/installed", f"{name} {versions[0] if versions else '9'}\n")
    return fail("E: Sub-process dpkg returned an error code") if behaves("fails-late") else 0


def apt_get(args):
    plain = []
    rest = iter(args)
    for arg in rest:
        if arg == "-o":
            option = next(rest)
            if option.startswith("Dir::Etc::sourcelist="):
                plain.append(option.partition("=")[0])
        elif arg not in ("-q", "-y", "--no-install-recommends", "--no-remove"):
            plain.append(arg)
    log("apt-get " + " ".join(plain))
    with open(f"{MACHINE}/exact", "w", encoding="utf-8") as exact:
        exact.write(" ".join(args))
    if "update" in plain:
        return update(args)
    if "--download-only" in plain:
        if behaves("block-download"):
            wait_for_release()
        return 0
    return install([p for p in plain if not p.startswith("-")][1:])


def sudo(args):
    log("sudo " + " ".join(a for a in args[:args.index("--")]))
    if behaves("sudo-refuses"):
        print("sudo: a password is required", file=sys.stderr)
        return 1
    os.environ["FAKE_UID"] = "0"
    os.execvp(args[args.index("--") + 1], args[args.index("--") + 1:])


def main():
    name = os.path.basename(sys.argv[0])
    if name == "id":
        print(os.environ.get("FAKE_UID", "0"))
        return 0
    programs = {"dpkg-query": dpkg_query, "apt-cache": apt_cache, "apt-get": apt_get, "sudo": sudo}
    return programs[name](sys.argv[1:])


sys.exit(main())
