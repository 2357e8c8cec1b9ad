"""`modiste api` whose streams end soon: a fuzz does not wait for an import that never ends."""

import sys

import api.following
from cli.main import main

api.following.STREAM_AT_MOST_S = 0.2
sys.argv = ["modiste", "api"]
main()
