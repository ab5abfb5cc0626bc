#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 the lb4 authors
#
# usage: dashboard.py DASHBOARD PROMETHEUS INTERVAL
#
# Asks the Prometheus at that URL each query of a Grafana dashboard, with its
# variables and $__rate_interval filled in as Grafana would, and fails if one
# gives an error or no sample. Prints how many queries there were. Panels must
# have ids of their own and must not cover each other.

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request


def ask(url, path, **arguments):
    query = urllib.parse.urlencode(arguments)
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}") as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def fill(text, values):
    for name in sorted(values, key=len, reverse=True):
        text = text.replace("$" + name, values[name])
    left = re.search(r"\$\{?\w+", text)
    if left:
        sys.exit(f"{text}: there is no variable {left[0]}")
    return text


def variables(dashboard, url, interval):
    """The first value of each; one with several values is a regex of all."""
    values = {"__rate_interval": interval}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "datasource":
            continue
        query = fill(variable["query"]["query"], values)
        metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)",
                                     query).groups()
        answer = ask(url, f"label/{label}/values", **{"match[]": metric})
        if not answer.get("data"):
            sys.exit(f"{query}: no values: {answer}")
        found = answer["data"]
        values[variable["name"]] = ("|".join(found) if variable["multi"]
                                    else found[0])
    return values


def cells(panel):
    place = panel["gridPos"]
    return {(x, y) for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])}


def look_at_layout(panels):
    ids, taken = set(), set()
    for panel in panels:
        mine = cells(panel)
        if panel["id"] in ids or mine & taken or max(mine)[0] > 23:
            sys.exit(f"{panel['title']}: its id or its place")
        ids.add(panel["id"])
        taken |= mine


def main(path, url, interval):
    with open(path) as file:
        dashboard = json.load(file)
    values = variables(dashboard, url, interval)
    look_at_layout(dashboard["panels"])
    bad = count = 0
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            count += 1
            answer = ask(url, "query", query=fill(target["expr"], values))
            if answer["status"] != "success":
                print(f"{panel['title']}: {answer['error']}")
                bad += 1
            elif not answer["data"]["result"]:
                print(f"{panel['title']}: no sample: {target['expr']}")
                bad += 1
    print(f"{count} queries")
    sys.exit(1 if bad or not count else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
