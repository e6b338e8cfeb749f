#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the missing Debian packages of packages.txt, link_packages.txt and test_packages.txt (asking sudo when
# not root). Says nothing when none is missing; all it says goes to standard error.
#
#     packages.sh            install what is missing
#     packages.sh --stamp    print a short name of the installed versions; caches are kept by it, because
#                            Bazel does not see that a header in /usr/include has changed
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mapfile -t wanted < <(grep -v '^#' packages.txt)

installed() {
  dpkg-query --show --showformat='${db:Status-Status} ${Package} ${Version}\n' "${wanted[@]}" 2>/dev/null |
    sed -n 's/^installed //p' | sort || true
}

if [[ ${1-} == --stamp ]]; then
  installed | sha256sum | cut -c1-12
  exit
fi

mapfile -t -O "${#wanted[@]}" wanted < <(grep -hv '^#' link_packages.txt test_packages.txt)
mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) <(installed | cut -d' ' -f1 | sort -u))
((${#missing[@]})) || exit 0

echo "installing Debian packages: ${missing[*]}" >&2
as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "neither root nor sudo: have these installed, then try again: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
# (the empty array is spelled so that bash 5.2 and set -u agree)
apt() {
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=600 "$@" >&2
}
apt update || echo "apt-get update failed; trying with the lists that are there" >&2
apt install --no-install-recommends "${missing[@]}"
