"""What a parity program wrote (parity_record.h): names of what is compared, and cases with their tensors."""

import json
import math
import pathlib

import torch

DTYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16,
          "I64": torch.int64, "U8": torch.uint8}


class Case(dict):
    """The fields of a case's line, and its tensors by name."""

    def __init__(self, fields, tensors):
        super().__init__(fields)
        self.tensors = tensors

    def tensor(self, name):
        """None if there is none of that name."""
        return self.tensors(f"{self['number']}.{name}")

    def all_tensors(self, name):
        """{i: tensor} of name0, name1, ..., where there are any among the first ten."""
        found = {i: self.tensor(f"{name}{i}") for i in range(10)}
        return {i: t for i, t in found.items() if t is not None}

    def __str__(self):
        return f"{self['name']} --seed {self['seed']}"


class Tensors:
    """A safetensors file; its format stands in io/safetensors.c. Not by the package of that name, which not every
    machine with a GPU has."""

    def __init__(self, path):
        data = bytearray(path.read_bytes())
        length = int.from_bytes(data[:8], "little")
        self.header, self.data = json.loads(data[8 : 8 + length]), data[8 + length :]

    def get(self, name):
        """None if there is none of that name."""
        if name not in self.header:
            return None
        about = self.header[name]
        begin, end = about["data_offsets"]
        dtype, shape = DTYPES[about["dtype"]], about["shape"]
        if begin == end:
            return torch.empty(shape, dtype=dtype)
        flat = torch.frombuffer(self.data[begin:end], dtype=dtype, count=math.prod(shape))
        return flat.view(shape)


def read(path):
    """-> {family: [names]}, [cases]"""
    subjects, cases, parts = {}, [], {}
    for line in pathlib.Path(f"{path}.jsonl").read_text().splitlines():
        fields = json.loads(line)
        if "number" in fields:
            part = fields["part"]
            if part not in parts:
                parts[part] = Tensors(pathlib.Path(f"{path}.{part}.safetensors"))
            cases.append(Case(fields, parts[part].get))
        else:
            subjects.setdefault(fields["family"], []).append(fields["name"])
    return subjects, cases
