#!/usr/bin/python3
"""tests/planted/directed.py - plants each bug of directed/ and sees the unit test fail that is there for its rule.

Random lives do not reach every rule, so these have tests with a scenario of their own. A patch names the cases that
must fail by it. Without the patch the whole program passes; with it exactly these cases fail, or the program dies in
the last of them, and what would follow is not judged. Prints TAP.

usage: directed.py [NAME...]               default: every patch of directed/
"""
import os
import re
import subprocess
import sys

import plants

CASE = re.compile(r"^(not )?ok \d+ - (\S+)", re.M)
TIME_MAX = 120  # seconds a program: one that hangs has not failed


def run_program(build, program):
    """({case: passed} in order, the exit status) of a cmocka program; status None: it hung."""
    try:
        # Unbuffered, so that what was told before a death is seen.
        done = plants.run(["stdbuf", "-oL", str(build / "tests/unit" / program)], build, timeout=TIME_MAX)
    except subprocess.TimeoutExpired:
        return {}, None
    return {name: not failed for failed, name in CASE.findall(done.stdout)}, done.returncode


def judge(cases, told, status, wanted):
    """Why it is not exactly the cases @wanted, of all @cases, that failed; None: it is."""
    if status is None:
        return f"did not end in {TIME_MAX} s"
    failed = [case for case in cases if told.get(case) is False]
    died = [case for case in cases if case not in told][:1] if status < 0 else []
    if failed + died == wanted:
        return None
    text = ", ".join(failed + [f"{case} (died)" for case in died]) or "nothing"
    return f"{text} failed, and not {', '.join(wanted)}"


def try_bug(garden, bug, whole):
    """None, or what is wrong with the patch or with the tests."""
    programs = list(dict.fromkeys(program for program, _ in bug.fails))
    if not programs:
        return 'no line "Fails: PROGRAM CASE"'
    why = garden.apply(bug)
    if why is not None:
        return why
    try:
        why = garden.compile([f"tests/unit/{program}" for program in programs])
        for program in programs if why is None else []:
            told, status = run_program(garden.build, program)
            wrong = judge(whole[program], told, status, [case for other, case in bug.fails if other == program])
            why = why or (wrong and f"{program}: {wrong}")
        return why
    finally:
        garden.take_out()


def begin(garden, bugs):
    """({program: its cases}, None) when all pass before anything is planted; or (None, why not)."""
    programs = sorted({program for bug in bugs for program, _ in bug.fails})
    why = garden.setup() or garden.compile([f"tests/unit/{program}" for program in programs])
    whole = {}
    for program in programs if why is None else []:
        told, status = run_program(garden.build, program)
        if status != 0 or not told:
            return None, f"{program} fails before anything is planted"
        whole[program] = list(told)
    return (whole, None) if why is None else (None, why)


def main(words):
    # One after the other what changes the same file: less is compiled.
    bugs = sorted(plants.plants(plants.HERE / "directed", [f"directed/{word}" for word in words]),
                  key=lambda bug: (bug.files, bug.name))
    with plants.Garden() as garden:
        whole, why = begin(garden, bugs)
        if why is not None:
            print("Bail out! " + why.replace("\n", " "))
            return 1
        print(f"1..{len(bugs)}", flush=True)
        failed = 0
        for number, bug in enumerate(bugs, 1):
            why = try_bug(garden, bug, whole)
            failed += why is not None
            print(f"{'ok' if why is None else 'not ok'} {number} - {bug.path.stem}", flush=True)
            for line in (why or "").splitlines():
                print(f"# {line}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C.UTF-8"
    os.environ["CMOCKA_MESSAGE_OUTPUT"] = "TAP"
    sys.exit(main(sys.argv[1:]))
