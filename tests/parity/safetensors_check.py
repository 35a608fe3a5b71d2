"""Safetensors files between Reel and the reference implementation (pip install safetensors numpy).

    safetensors_check.py FROM_REEL FOR_REEL

reads FROM_REEL, a file that Reel wrote, whose tensors all hold 0, 1, 2, ... in row-major order, and fails if one
does not; then writes the same tensors and metadata to FOR_REEL, for Reel to read back and compare.
"""

import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def main(from_reel, for_reel):
    tensors = {}
    with safe_open(from_reel, framework="numpy") as f:
        metadata = f.metadata()
        for name in f.keys():
            tensors[name] = f.get_tensor(name)
    if not tensors:
        sys.exit(f"{from_reel}: no tensors")
    for name, t in tensors.items():
        expected = np.arange(t.size).astype(t.dtype).reshape(t.shape)
        if not np.array_equal(t, expected):
            sys.exit(f"{from_reel}: {name} is not 0, 1, 2, ...")
    save_file(tensors, for_reel, metadata)
    print(f"{len(tensors)} tensors, metadata {metadata}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
