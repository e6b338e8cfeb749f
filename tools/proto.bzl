# SPDX-License-Identifier: Apache-2.0
"""Protocol buffers through the system's protoc."""

def iso_proto_library(
        name,
        srcs,
        deps = [],
        grpc = False,
        import_root = None,
        visibility = None,
        tags = None):
    """A C++ library of the messages (and gRPC services) in srcs.

    Imports are written from the root of the repository (`import "proto/peer.proto";`) or, where import_root is
    set, from that folder (for files that other projects name by their own root); the headers are then included
    by the same name with `.pb.h` and `.grpc.pb.h`.

    Args:
      name: the cc_library; `NAME_srcs` is also made, the .proto files with all they import.
      srcs: .proto files of this package.
      deps: iso_proto_library targets whose files these import.
      grpc: also generate the services, and depend on gRPC.
      import_root: a folder, from the root of the repository, that imports are relative to; the package must be
        the one at import_root itself.
      visibility: as everywhere.
      tags: as everywhere.
    """
    srcs_name = name + "_srcs"
    native.filegroup(
        name = srcs_name,
        srcs = srcs + [_absolute(d) + "_srcs" for d in deps],
        visibility = visibility,
    )
    stems = []
    for s in srcs:
        if not s.endswith(".proto"):
            fail("not a .proto file: " + s)
        stems.append(s.split(":")[-1][:-len(".proto")])
    suffixes = [".pb"] + ([".grpc.pb"] if grpc else [])
    headers = [s + x + ".h" for s in stems for x in suffixes]
    sources = [s + x + ".cc" for s in stems for x in suffixes]

    root = import_root or "."
    out = "$(GENDIR)" + ("/" + import_root if import_root else "")
    command = [
        "/usr/bin/protoc",
        # Generated folders first: they lie below the root, which would give their files a longer name.
        "-I" + out,
        "-I" + root,
        "-I$(GENDIR)",
        "-I.",
        "-I/usr/include",
        "--cpp_out=" + out,
    ]
    if grpc:
        command += [
            "--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin",
            "--grpc_out=" + out,
        ]
    command += ["$(locations %s)" % s for s in srcs]
    native.genrule(
        name = name + "_gen",
        srcs = [":" + srcs_name] + srcs,
        outs = headers + sources,
        cmd = " ".join(command),
        message = "protoc",
        tags = tags,
    )
    native.cc_library(
        name = name,
        srcs = sources,
        hdrs = headers,
        # Generated: not ours to warn about, and instrumenting it would cost minutes and find nothing.
        copts = [
            "-w",
            "-fno-sanitize=all",
        ],
        includes = ["."] if import_root else [],
        visibility = visibility,
        tags = tags,
        deps = deps + ["//third_party/sys:grpc" if grpc else "//third_party/sys:protobuf"],
    )

def _absolute(label):
    """"//a/b" names the target "b" there: spell it out, so that a suffix can be added."""
    if ":" in label:
        return label
    if label.startswith("//"):
        return label + ":" + label.split("/")[-1]
    return ":" + label
