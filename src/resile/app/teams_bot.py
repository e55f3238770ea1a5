"""What people do in channels of Teams where resile's app is at home: say, ask for, press, change and delete."""

from resile.app.chat_commands import Asked, ChatCommands, Press
from resile.app.teams_room import PROGRAM
from resile.app.wiring import Resile
from resile.channels.teams_activity import Activity


class TeamsBot:
    """Takes each activity, once however often it is told."""

    def __init__(self, resile: Resile, commands: ChatCommands) -> None:
        self._resile = resile
        self._commands = commands

    def take(self, activity: Activity) -> str | None:
        """Do what is asked for, or write down what is said; what whoever asked is told, None: nothing.

        Raises:
            As `ChatCommands.answer`.
        """
        if activity.button:
            press = Press(
                action=activity.button,
                incident_id=activity.incident_id,
                member=activity.member,
                member_name=activity.member_name,
                id=activity.id,
                ref=activity.channel,
            )
            return self._commands.pressed(press)
        if activity.asked is not None:
            asked = Asked(
                text=activity.asked,
                member=activity.member,
                member_name=activity.member_name,
                ref=activity.channel,
                id=f"{activity.channel}:{activity.id}",
            )
            return self._commands.answer(asked)
        if self._resile.chats.room_called(PROGRAM, activity.channel) is not None:
            self._resile.chats.hear([activity.heard(self._resile.clock.now())])
        return None
