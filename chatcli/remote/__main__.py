"""`python -m chatcli.remote` is `roomline`, for where that is not installed."""

from chatcli.remote.main import main

main()
