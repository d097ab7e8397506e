"""Writes the generated code in src/toolbeam/v1 anew, from the .proto files of ../../proto.

`python generate.py` needs the packages of the extra `test`; `cargo xtask regen` runs it with them.
"""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).parent
PROTO = HERE.parents[1] / "proto"
GENERATED = HERE / "src"
# They write the types. Beside the interpreter, where pip puts them, whether or not that is in PATH.
PLUGINS = {name: Path(sys.executable).with_name(f"protoc-gen-{name}") for name in ("mypy", "mypy_grpc")}

INIT = (
    '"""The contract `toolbeam.v1`, generated: see the .proto files in the folder `proto` of Toolbeam."""\n'
)


def generate(out: Path) -> list[Path]:
    """Writes the package `toolbeam.v1` into the folder `out`; its files, relative to that."""
    sources = sorted(path.relative_to(PROTO).as_posix() for path in PROTO.glob("toolbeam/v1/*.proto"))
    arguments = [
        "protoc",
        f"--proto_path={PROTO}",
        f"--proto_path={files('grpc_tools') / '_proto'}",
        *(f"--plugin=protoc-gen-{name}={path}" for name, path in PLUGINS.items()),
        *(f"--{kind}_out={out}" for kind in ("python", "grpc_python")),
        *(f"--{kind}_out=quiet:{out}" for kind in PLUGINS),
    ]
    if protoc.main([*arguments, *sources]) != 0:
        raise SystemExit("protoc failed; its message is above")
    package = out / "toolbeam" / "v1"
    for path in package.glob("*_pb2_grpc.py*"):
        # Files without a service have nothing to say about gRPC.
        if "Stub" not in path.read_text():
            path.unlink()
    (package / "__init__.py").write_text(INIT)
    return sorted(path.relative_to(out) for path in package.iterdir() if path.is_file())


if __name__ == "__main__":
    for old in (GENERATED / "toolbeam" / "v1").glob("*.py*"):
        old.unlink()
    print(f"{len(generate(GENERATED))} files in {GENERATED / 'toolbeam' / 'v1'}")
