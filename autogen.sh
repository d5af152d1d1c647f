#!/bin/sh
# SPDX-License-Identifier: ISC
# Makes ./configure out of configure.ac; needs autoconf, automake and pkg-config.
set -e
cd "$(dirname "$0")"
exec autoreconf --force --install
