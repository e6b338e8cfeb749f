#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Bazel with its folders where we want them: bazel.sh COMMAND ARGUMENTS...
#
#     DEV_CACHE         folder of outputs and of the cache that all clones share (default ~/.cache/isochron)
#     DEV_OUTPUT_BASE   outputs of this clone elsewhere
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."

# A CI job may have no home and no name.
export HOME="${HOME:-/tmp/isochron-$EUID}"
export USER="${USER:-$(id -un 2>/dev/null || echo "$EUID")}"
cache=${DEV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/isochron}
kept="$cache/$("$here/packages.sh" --stamp)"
mkdir -p "$kept"
# What belongs to versions of the system's libraries that are gone for a month goes too.
touch "$kept"
find "$cache" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +

startup=("--output_user_root=$kept/out")
if [[ -n ${DEV_OUTPUT_BASE-} ]]; then startup+=("--output_base=$DEV_OUTPUT_BASE"); fi
command=$1
shift
case $command in
  build | test | run | info) exec bazel "${startup[@]}" "$command" "--disk_cache=$kept/disk" "$@" ;;
  *) exec bazel "${startup[@]}" "$command" "$@" ;;
esac
