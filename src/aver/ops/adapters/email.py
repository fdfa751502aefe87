"""Mail over SMTP, in plain text; messages of one group are one thread."""

from __future__ import annotations

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from aver.core.errors import Unavailable
from aver.ops.alerts.types import Delivery, Message
from aver.ops.types import Route

__all__ = ["send", "written"]

_SECONDS = 10.0


def send(delivery: Delivery) -> None:
    """Raises :class:`~aver.core.errors.Unavailable` unless the server takes it for every recipient."""
    route, secrets = delivery.route, delivery.secrets
    host, _, port = route.smtp.rpartition(":")
    mail = written(route, delivery.message, delivery.now)
    try:
        with _connected(route, host, int(port)) as server:
            if route.user:
                server.login(route.user, secrets["password"])
            refused = server.send_message(mail)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise Unavailable(
            f"{host} takes no mail ({type(error).__name__})", "It is tried again; check the route."
        ) from None
    if refused:
        raise Unavailable(
            f"{host} refuses {len(refused)} of {len(route.recipients)} recipients", "Check the addresses."
        )


def _connected(route: Route, host: str, port: int) -> smtplib.SMTP:
    if route.tls == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=_SECONDS, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=_SECONDS)
    try:
        if route.tls == "starttls":
            server.starttls(context=ssl.create_default_context())
    except BaseException:
        server.close()
        raise
    return server


def written(route: Route, message: Message, now: datetime) -> EmailMessage:
    """The message as mail. Its id is that of the message, so that a second copy of it can be told."""
    domain = route.sender.rpartition("@")[2]
    mail = EmailMessage()
    mail["From"] = route.sender
    mail["To"] = ", ".join(route.recipients)
    mail["Subject"] = " ".join(message.title.split())[:200]
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message.id}@{domain}>"
    mail["References"] = f"<{message.thread}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = [message.title, ""]
    lines += [f"- {each.said} (since {each.began:%Y-%m-%d %H:%M} UTC)" for each in message.alerts]
    if message.standing > len(message.alerts):
        lines.append(f"and {message.standing - len(message.alerts):,} more")
    incidents = sorted({each.incident for each in message.alerts if each.incident})
    lines += ["", *(f"aver incident show {each}" for each in incidents)]
    mail.set_content("\n".join(lines) + "\n")
    return mail
