"""Safetensors files between Reel and the reference implementation (pip install safetensors numpy).

    safetensors_check.py FROM_REEL FOR_REEL

reads FROM_REEL, a file that Reel wrote, whose tensors all hold 0, 1, 2, ... in row-major order, and fails if one
does not; then writes the same tensors and metadata to FOR_REEL, for Reel to read back and compare. Tensors of the
format's other dtypes, which Reel converts, come with them: each holds its least and its greatest number, and 1.
"""

import sys

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


# numpy's dtypes that Reel reads as i64, or, bool, as u8.
CONVERTED = ["bool", "int8", "int16", "uint16", "int32", "uint32", "uint64"]


def extremes(dtype):
    """The least and the greatest number that Reel holds of a dtype, and 1."""
    if dtype == "bool":
        return np.array([False, True, True])
    info = np.iinfo(dtype)
    return np.array([info.min, min(info.max, np.iinfo(np.int64).max), 1], dtype=dtype)


def torch_only(path, tensors, metadata):
    """The same file with dtypes that numpy has not, if there is a PyTorch: 1, -2 in each, and a complex number."""
    try:
        import torch
        from safetensors.torch import save_file as save
    except ImportError:
        return 0
    more = {name: torch.from_numpy(np.array(t)) for name, t in tensors.items()}
    names = ["bfloat16", "float8_e4m3fn", "float8_e5m2"]
    names = [name for name in names if hasattr(torch, name)]
    for name in names:
        more[name] = torch.tensor([1.0, -2.0]).to(getattr(torch, name))
    try:
        save({**more, "complex64": torch.tensor([1 + 2j], dtype=torch.complex64)}, path, metadata)
        return len(names) + 1
    except Exception:  # a safetensors that knows no complex numbers
        save(more, path, metadata)
        return len(names)


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
    tensors.update({dtype: extremes(dtype) for dtype in CONVERTED})
    tensors["large"] = np.array([2**64 - 1], dtype="uint64")  # beyond i64: Reel leaves it out
    save_file(tensors, for_reel, metadata)
    more = torch_only(for_reel, tensors, metadata)
    print(f"{len(tensors) + more} tensors, metadata {metadata}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
