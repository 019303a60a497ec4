"""What the checks in Python share."""


def report(names, checks):
    for name in names:
        check = checks.get(name)
        if check is None:
            print(name, "-", flush=True)
            continue
        try:
            check()
            print(name, "ok", flush=True)
        except Exception as error:  # what is wrong is the outcome
            print(name, repr(error).replace("\n", " ")[:200], flush=True)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r:.80} is not {expected!r:.80}")
