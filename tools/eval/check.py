"""Hold `pulse eval` against pytrec_eval, which wraps trec_eval itself.

    check.py PULSE DIR [FLAG…]

Runs `PULSE eval DIR --json --run FILE FLAG…`, computes the same measures from the run
file, and fails when one differs by more than 1e-6.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytrec_eval


def judgements(folder):
    grades = {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        grades.setdefault(query, {})[document] = int(grade)
    asked = {json.loads(line)["_id"] for line in open(folder / "queries.jsonl", encoding="utf-8") if line.strip()}
    return {q: g for q, g in grades.items() if q in asked}


def measure(grades, run):
    """Averages over all judged queries; one that is not in the run counts 0."""
    first = {q: dict(sorted(d.items(), key=lambda x: -x[1])[:10]) for q, d in run.items()}
    all_of = pytrec_eval.RelevanceEvaluator(grades, {"ndcg_cut.10", "recall.100"}).evaluate(run)
    ten_of = pytrec_eval.RelevanceEvaluator(grades, {"recip_rank"}).evaluate(first)

    def mean(of, name):
        return sum(of.get(q, {}).get(name, 0) for q in grades) / len(grades)

    return {"ndcg@10": mean(all_of, "ndcg_cut_10"), "recall@100": mean(all_of, "recall_100"), "mrr@10": mean(ten_of, "recip_rank")}


def main():
    pulse, folder, flags = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    with tempfile.NamedTemporaryFile("r") as file:
        told = subprocess.run([pulse, "eval", folder, "--json", "--run", file.name, *flags], check=True, stdout=subprocess.PIPE, text=True)
        report = json.loads(told.stdout)
        runs = {}
        for line in file:
            query, _, document, _, score, tag = line.split()
            runs.setdefault(tag, {}).setdefault(query, {})[document] = float(score)
    grades, worst = judgements(folder), 0.0
    assert report["queries"] == len(grades), (report["queries"], len(grades))
    for mode, ours in report["modes"].items():
        theirs = measure(grades, runs.get(mode, {}))
        worst = max([worst] + [abs(ours[m] - theirs[m]) for m in theirs])
        print(report["collection"], mode, *(f"{m} {ours[m]:.6f} (trec_eval {theirs[m]:.6f})" for m in theirs))
    sys.exit(worst > 1e-6)


if __name__ == "__main__":
    main()
