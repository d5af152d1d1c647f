# SPDX-License-Identifier: ISC
"""Real programs for tests and the demonstration: MariaDB, lighttpd, the stand-in, batchd, the front end."""
