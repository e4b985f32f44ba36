"""`chat_token`: what programs sign in with."""

from chatcli.subcommands import SubcommandsCommand


class Command(SubcommandsCommand):
    help = "Make, list and revoke tokens, by which programs send and read over HTTP and WebSockets."
    examples = """\
  ./manage.py chat_token create backups --room ops --can send > backups.token
  ./manage.py chat_token create dashboard --room 'ops-*' --can read --expire 90d > dashboard.token
  ./manage.py chat_token create alerts --hook ops
  ./manage.py chat_token list
  ./manage.py chat_token revoke backups"""
    subcommands = {
        "create": "chatcli.tokens.creating:Create",
        "list": "chatcli.tokens.listing:List",
        "revoke": "chatcli.tokens.revoking:Revoke",
    }
