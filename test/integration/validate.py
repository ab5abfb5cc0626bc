#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# usage: validate.py SCHEMAS NAME [CONDITION] <answer
#
# Holds each line of JSON on standard input against SCHEMAS/NAME.VERSION.json,
# which must be the schema that it names itself.  Members that the schema does
# not know are errors here, unlike for those who read answers: what lb4 writes
# is to be documented.  CONDITION, Python about the answer `a`, must hold.

import json
import pathlib
import sys

import jsonschema


def close(schema):
    """Lets no object have members that are not in the schema."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for value in schema.values():
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


def main():
    folder, wanted = pathlib.Path(sys.argv[1]), sys.argv[2]
    count = 0
    for line in sys.stdin:
        if not line.strip():
            continue
        answer = json.loads(line)
        name, version = answer["schema"].split("/")
        if name != "lb4." + wanted:
            sys.exit(f"{wanted}: the answer is {answer}")
        schema = json.loads((folder / f"{name}.{version}.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        close(schema)
        jsonschema.Draft7Validator(schema).validate(answer)
        if len(sys.argv) > 3 and not eval(f"({sys.argv[3]})", {"a": answer}):
            sys.exit(f"{wanted}: not {sys.argv[3]}: {answer}")
        count += 1
    if count == 0:
        sys.exit(f"{wanted}: no answer")


main()
