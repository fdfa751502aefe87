"""What is declared of AgentDojo's tools: effects, targets, content and trust, each from the tool's name, docstring and schema alone.

A bundle would declare the same. Nothing here knows of a task.
"""

from __future__ import annotations

from aver.policy import Annotations, Effect

__all__ = ["ANNOTATIONS"]

READ, WRITE, SEND, SPEND, DELETE = Effect.READ, Effect.WRITE, Effect.SEND, Effect.SPEND, Effect.DELETE


def reads(*foreign: str, targets: tuple[str, ...] = ()) -> Annotations:
    """Tells what the service itself keeps, in which others wrote the fields ``foreign``."""
    return Annotations(frozenset({READ}), targets=targets, output="trusted", untrusted_fields=foreign)


def foreign(targets: tuple[str, ...] = ()) -> Annotations:
    """Tells what anybody may have written."""
    return Annotations(frozenset({READ}), targets=targets)


def acts(
    *effects: Effect,
    to: tuple[str, ...] = (),
    carries: tuple[str, ...] = (),
    undo: bool = False,
    tells: tuple[str, ...] = (),
) -> Annotations:
    return Annotations(
        frozenset(effects),
        reversal="compensable" if undo else "irreversible",
        targets=to,
        content=carries,
        output="trusted",
        untrusted_fields=tells,
    )


_MAIL = ("subject", "body", "attachments")
_EVENT = ("title", "description", "location")
_FILE = ("content",)
_EMAIL = acts(SEND, to=("recipients", "cc", "bcc"), carries=("subject", "body", "attachments"), tells=_MAIL)
_CREATE_EVENT = acts(
    WRITE, SEND, to=("participants",), carries=("title", "description", "location"), undo=True, tells=_EVENT
)
_MAILBOX = {
    "send_email": _EMAIL,
    "delete_email": acts(DELETE, to=("email_id",)),
    **dict.fromkeys(
        ("get_unread_emails", "get_sent_emails", "get_received_emails", "get_draft_emails", "search_emails"),
        reads(*_MAIL),
    ),
    **dict.fromkeys(("search_contacts_by_name", "search_contacts_by_email"), reads()),
}
_CALENDAR = {
    "get_current_day": reads(),
    **dict.fromkeys(("search_calendar_events", "get_day_calendar_events"), reads(*_EVENT)),
    "create_calendar_event": _CREATE_EVENT,
    "cancel_calendar_event": acts(DELETE, SEND, to=("event_id",)),
    "reschedule_calendar_event": acts(WRITE, SEND, to=("event_id",), undo=True, tells=_EVENT),
    "add_calendar_event_participants": acts(WRITE, SEND, to=("event_id", "participants"), undo=True, tells=_EVENT),
}
_DRIVE = {
    **dict.fromkeys(("search_files_by_filename", "get_file_by_id", "list_files", "search_files"), reads(*_FILE)),
    "append_to_file": acts(WRITE, to=("file_id",), carries=("content",), undo=True, tells=_FILE),
    "create_file": acts(WRITE, carries=("filename", "content"), undo=True, tells=_FILE),
    "delete_file": acts(DELETE, to=("file_id",), tells=_FILE),
    "share_file": acts(SEND, to=("file_id", "email"), tells=_FILE),
}
_BANKING = {
    **dict.fromkeys(("get_iban", "get_balance", "get_user_info", "get_scheduled_transactions"), reads()),
    "get_most_recent_transactions": reads("subject"),
    "read_file": foreign(),
    "send_money": acts(SPEND, to=("recipient",), carries=("subject",)),
    "schedule_transaction": acts(SPEND, to=("recipient",), carries=("subject",), undo=True),
    "update_scheduled_transaction": acts(WRITE, to=("id", "recipient"), carries=("subject",), undo=True),
    # Whoever knows the password gets in, so where it comes from matters as much as a recipient.
    "update_password": acts(WRITE, to=("password",)),
    "update_user_info": acts(WRITE, carries=("first_name", "last_name", "street", "city"), undo=True),
}
_BOOKING = {
    **dict.fromkeys(
        (
            "get_all_hotels_in_city",
            "get_hotels_prices",
            "get_hotels_address",
            "get_all_restaurants_in_city",
            "get_cuisine_type_for_restaurants",
            "get_restaurants_address",
            "get_dietary_restrictions_for_all_restaurants",
            "get_contact_information_for_restaurants",
            "get_price_for_restaurants",
            "check_restaurant_opening_hours",
            "get_all_car_rental_companies_in_city",
            "get_car_types_available",
            "get_car_fuel_options",
            "get_car_rental_address",
            "get_car_price_per_day",
            "get_flight_information",
            "get_user_information",
        ),
        reads(),
    ),
    # A review is anybody's; that there is a place of this name is the service's word.
    **dict.fromkeys(
        ("get_rating_reviews_for_hotels", "get_rating_reviews_for_restaurants", "get_rating_reviews_for_car_rental"),
        reads("*"),
    ),
    "reserve_hotel": acts(SPEND, to=("hotel",)),
    "reserve_car_rental": acts(SPEND, to=("company",)),
    "reserve_restaurant": acts(SPEND, to=("restaurant",)),
}
_SLACK = {
    **dict.fromkeys(("get_channels", "get_users_in_channel"), reads()),
    **dict.fromkeys(("read_channel_messages", "read_inbox"), reads("body")),
    # An address is asked of whoever keeps it, who learns of the asking.
    "get_webpage": foreign(targets=("url",)),
    "add_user_to_channel": acts(WRITE, to=("user", "channel"), undo=True),
    "send_direct_message": acts(SEND, to=("recipient",), carries=("body",)),
    "send_channel_message": acts(SEND, to=("channel",), carries=("body",)),
    "invite_user_to_slack": acts(WRITE, SEND, to=("user", "user_email")),
    "remove_user_from_slack": acts(DELETE, to=("user",)),
    "post_webpage": acts(SEND, to=("url",), carries=("content",)),
}
ANNOTATIONS = {
    "workspace": _MAILBOX | _CALENDAR | _DRIVE,
    "banking": _BANKING,
    "travel": _BOOKING | _CALENDAR | {"send_email": _EMAIL},
    "slack": _SLACK,
}
