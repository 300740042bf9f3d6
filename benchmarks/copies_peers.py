"""What other packages hold for copies, each as a script for an interpreter that has it.

A script is called with a folder and a file, into which it writes JSON: a list of
``[name of the rule, seconds, pairs of paths]``.
"""

IMAGEDEDUP = """
import json, sys, time
from imagededup.methods import PHash
rows = []
for bits in (10, 4):
    start = time.perf_counter()
    method = PHash(verbose=False)
    hashes = method.encode_images(image_dir=sys.argv[1], recursive=True)
    found = method.find_duplicates(encoding_map=hashes, max_distance_threshold=bits)
    seconds = time.perf_counter() - start
    pairs = [[one, other] for one, others in found.items() for other in others]
    rows.append([f"imagededup, PHash {bits}", seconds, pairs])
json.dump(rows, open(sys.argv[2], "w"))
"""

CLEANVISION = """
import json, sys, time
from itertools import combinations
from cleanvision import Imagelab
if __name__ == "__main__":
    start = time.perf_counter()
    lab = Imagelab(data_path=sys.argv[1])
    lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)
    seconds = time.perf_counter() - start
    kinds = ("exact_duplicates", "near_duplicates")
    sets = [one for kind in kinds for one in lab.info[kind]["sets"]]
    pairs = [pair for one in sets for pair in combinations(one, 2)]
    json.dump([["cleanvision, exact and near", seconds, pairs]], open(sys.argv[2], "w"))
"""

FASTDUP = """
import json, sys, time
import fastdup
if __name__ == "__main__":
    start = time.perf_counter()
    lab = fastdup.create(work_dir="work", input_dir=sys.argv[1])
    lab.run(verbose=False, print_summary=False)
    table = lab.similarity()
    seconds = time.perf_counter() - start
    columns = ["filename_from", "filename_to"]
    rows = []
    for least in (0.9, 0.98):
        pairs = table[table["distance"] >= least][columns].values.tolist()
        rows.append([f"fastdup, {least}", seconds, pairs])
    json.dump(rows, open(sys.argv[2], "w"))
"""

PEERS = {"imagededup": IMAGEDEDUP, "cleanvision": CLEANVISION, "fastdup": FASTDUP}
