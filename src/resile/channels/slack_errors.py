"""What Slack means by the errors of its Web API."""

from resile.channels.refusals import WordedRefusalError
from resile.channels.words import shortened
from resile.model.errors import DeliveryError
from resile.ports.channel import UncertainError

# Slack says of these that a part of it may have been done.
_UNTOLD = frozenset({"fatal_error", "internal_error"})
_LATER = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable", "team_added_to_org",
                    "request_timeout", "accesslimited"})  # fmt: skip
_OURS = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
                   "not_allowed_token_type", "org_login_required", "two_factor_setup_required"})  # fmt: skip
_WAY_OUT = {
    "channel_not_found": "check the address; a private channel must first invite the app",
    "not_in_channel": "invite the app to the channel",
    "is_archived": "take it out of the archive, or give another channel",
    "missing_scope": "give the app the right {needed}, and install it again",
    "messages_tab_disabled": "switch on the app's Messages tab in its settings at Slack",
    "restricted_action": "the workspace lets only some people do this; have its admin allow it to apps",
}
_MAX_CODE = 60


class SlackRefusedError(WordedRefusalError):
    """Slack said no."""


def refusal(error: str, *, setting: str, needed: str = "chat:write") -> DeliveryError:
    """What an error of Slack's interface means for what was asked.

    Args:
        setting: where the token stands.
        needed: the right that Slack says is missing.
    """
    code = shortened(error, _MAX_CODE)
    if code in _UNTOLD:
        return UncertainError(f"Slack had a fault ({code}), which leaves open whether the message was taken")
    if code in _LATER:
        return SlackRefusedError(f"Slack does not take it now ({code})", code, is_final=False)
    if code in _OURS:
        return SlackRefusedError(f"Slack does not let us in ({code}); check {setting}", code, is_final=False)
    way_out = f"; {_WAY_OUT[code].format(needed=shortened(needed, _MAX_CODE))}" if code in _WAY_OUT else ""
    sentence = f"Slack refused it ({code or 'it does not say why'}){way_out}"
    return SlackRefusedError(sentence, code, is_final=bool(code))
