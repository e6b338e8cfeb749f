#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Style as a test: checks the whole tree, prints every finding, exits 1 if there is one.

    lint.py            all rules
    lint.py --rules    what they are
    lint.py --advice   also name the files that have outgrown the size we aim at
"""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import project
import sql_errors
import text_rules
import tree_rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALL = (*text_rules.RULES, *tree_rules.RULES, sql_errors.sql_states)


def check(files, root, rules=None):
    """rule name -> its findings, for all rules (or those given)."""
    results = {}
    for rule in ALL if rules is None else rules:
        if rule in text_rules.RULES:
            results[rule.__name__] = sorted(x for f in files for x in rule(f))
        else:
            results[rule.__name__] = sorted(rule(files, root))
    return results


def main(arguments):
    if "--rules" in arguments:
        for rule in ALL:
            print(f"{rule.__name__}: {rule.__doc__.splitlines()[0]}")
        return 0
    files = project.load(ROOT)
    results = check(files, ROOT)
    for findings in results.values():
        for finding in findings:
            print(finding)
    if "--advice" in arguments:
        for file in files:
            over = text_rules.over_the_aim(file)
            if over:
                print(f"{file.path}: {over[0]} lines, aim at {over[1]}")
    broken = sum(1 for findings in results.values() if findings)
    print(f"lint: {len(files)} files, {len(results) - broken} rules kept, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
