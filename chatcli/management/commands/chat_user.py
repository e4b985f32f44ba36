"""`chat_user`: accounts, mutes and bans, what is stored about a person, and how it is forgotten."""

from chatcli.subcommands import SubcommandsCommand


class Command(SubcommandsCommand):
    help = "Make and list accounts, mute and ban, hand out and erase what is stored about a person."
    examples = """\
  ./manage.py chat_user create alice --password-file secret.txt
  ./manage.py chat_user list
  ./manage.py chat_user mute alice bob --until 2h --reason "a quiet afternoon"
  ./manage.py chat_user unmute alice
  ./manage.py chat_user export alice > alice.jsonl
  ./manage.py chat_user erase alice --confirm alice"""
    subcommands = {
        "create": "chatcli.users.creating:Create",
        "list": "chatcli.users.listing:List",
        "mute": "chatcli.users.sanctions:Mute",
        "unmute": "chatcli.users.sanctions:Unmute",
        "ban": "chatcli.users.sanctions:Ban",
        "unban": "chatcli.users.sanctions:Unban",
        "export": "chatcli.users.exporting:Export",
        "erase": "chatcli.users.erasing:Erase",
    }
