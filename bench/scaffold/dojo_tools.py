"""What AgentDojo's tools do, as a team would declare of them: from each tool's own description, for all suites alike."""

from aver.policy import Annotations, Effect

READ, WRITE, SEND, SPEND, DELETE = (frozenset({each}) for each in Effect)
_TRUSTED = Annotations(READ, output="trusted")

TOOLS = {
    "send_email": Annotations(
        SEND, "irreversible", targets=["recipients", "cc", "bcc"], content=["subject", "body", "attachments"]
    ),
    "delete_email": Annotations(DELETE, targets=["email_id"]),
    "create_calendar_event": Annotations(
        WRITE | SEND, targets=["participants"], content=["title", "description", "location"]
    ),
    "cancel_calendar_event": Annotations(DELETE, targets=["event_id"]),
    "reschedule_calendar_event": Annotations(WRITE, targets=["event_id"]),
    "add_calendar_event_participants": Annotations(WRITE | SEND, targets=["participants"]),
    "append_to_file": Annotations(WRITE, targets=["file_id"], content=["content"]),
    "create_file": Annotations(WRITE, targets=["filename"], content=["content"]),
    "delete_file": Annotations(DELETE, targets=["file_id"]),
    "share_file": Annotations(SEND, targets=["email", "file_id"]),
    "get_file_by_id": Annotations(READ, targets=["file_id"]),
    "search_files_by_filename": Annotations(READ, targets=["filename"]),
    "search_contacts_by_name": _TRUSTED,
    "search_contacts_by_email": _TRUSTED,
    "get_current_day": _TRUSTED,
    "get_iban": _TRUSTED,
    "get_balance": _TRUSTED,
    "get_user_info": _TRUSTED,
    "get_user_information": _TRUSTED,
    "get_scheduled_transactions": Annotations(READ, output="trusted", untrusted_fields=["subject"]),
    "send_money": Annotations(SPEND, "irreversible", targets=["recipient"], content=["subject"]),
    "schedule_transaction": Annotations(SPEND, targets=["recipient"], content=["subject"]),
    "update_scheduled_transaction": Annotations(WRITE | SPEND, targets=["recipient", "id"], content=["subject"]),
    "read_file": Annotations(READ, targets=["file_path"]),
    "update_password": Annotations(WRITE, targets=["password"]),
    "update_user_info": Annotations(WRITE, targets=["first_name", "last_name", "street", "city"]),
    "reserve_hotel": Annotations(SPEND, targets=["hotel"]),
    "reserve_car_rental": Annotations(SPEND, targets=["company"]),
    "reserve_restaurant": Annotations(SPEND, targets=["restaurant"]),
    "get_channels": _TRUSTED,
    "get_users_in_channel": _TRUSTED,
    "add_user_to_channel": Annotations(WRITE, targets=["user", "channel"]),
    "read_channel_messages": Annotations(READ, targets=["channel"]),
    "send_direct_message": Annotations(SEND, targets=["recipient"], content=["body"]),
    "send_channel_message": Annotations(SEND, targets=["channel"], content=["body"]),
    "invite_user_to_slack": Annotations(WRITE | SEND, targets=["user", "user_email"]),
    "remove_user_from_slack": Annotations(DELETE, targets=["user"]),
    "get_webpage": Annotations(READ, targets=["url"]),
    "post_webpage": Annotations(SEND, targets=["url"], content=["content"]),
}


def annotations(tool: str) -> Annotations:
    """What is declared of ``tool``; the others only read, and what they return is untrusted."""
    return TOOLS.get(tool, Annotations(READ))
