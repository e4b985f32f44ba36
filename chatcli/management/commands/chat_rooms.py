"""`chat_rooms`: which rooms there are, and everything that is done with one."""

from chatcli.subcommands import SubcommandsCommand


class Command(SubcommandsCommand):
    help = "List rooms, change them, and see who is in them."
    examples = """\
  ./manage.py chat_rooms list
  ./manage.py chat_rooms set newbox title="New things" retention=30d
  ./manage.py chat_rooms members newbox --add alice:owner
  ./manage.py chat_rooms export newbox > newbox.jsonl"""
    notes = "A room is made by create_room."
    subcommands = {
        "list": "chatcli.rooms.listing:List",
        "show": "chatcli.rooms.showing:Show",
        "set": "chatcli.rooms.setting:Set",
        "rename": "chatcli.rooms.renaming:Rename",
        "archive": "chatcli.rooms.archiving:Archive",
        "restore": "chatcli.rooms.archiving:Restore",
        "delete": "chatcli.rooms.deleting:Delete",
        "members": "chatcli.rooms.members:Members",
        "who": "chatcli.rooms.who:Who",
        "export": "chatcli.rooms.export:Export",
        "import": "chatcli.rooms.importing:Import",
        "new-epoch": "chatcli.rooms.epochs:NewEpoch",
    }
