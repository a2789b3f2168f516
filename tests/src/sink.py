"""A mail server for tests: answers as planned, and writes down what it understood.

Usage: python3 sink.py PLAN FILE [SECURED]. PLAN is a JSON object: for the first, second ... message seen
("0", "1" ...; attempts of one Message-ID are one message) the answers to its attempts, the last of
them for all further ones. "ok" takes the message, "drop" takes it and breaks the connection before
saying so, anything else is the reply. FILE gets one JSON object for each attempt. The port is
printed once the server listens.

SECURED is a JSON object with the paths `certificate` and `key`, `from_start` (encrypted from the
start, else after STARTTLS, without which nothing is taken), and the `user` and `password` without
whom nothing is taken either.
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult


def part(mail, kind):
    """The content of the one part of this kind, or nothing."""
    parts = [p for p in mail.walk() if p.get_content_type() == kind]
    return parts[0].get_content() if len(parts) == 1 else None


class Sink:
    """Takes mail, or not."""

    def __init__(self, plan, file):
        self.plan = plan
        self.file = file
        self.order = {}
        self.attempts = {}

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        name = mail["message-id"]
        place = self.order.setdefault(name, len(self.order))
        attempt = self.attempts.get(name, 0)
        self.attempts[name] = attempt + 1
        answers = self.plan.get(str(place), ["ok"])
        answer = answers[min(attempt, len(answers) - 1)]
        seen = {
            "answer": answer,
            "user": session.auth_data,
            "connection": session.peer[1],
            "encrypted": server.transport.get_extra_info("cipher") is not None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {key.lower(): str(value) for key, value in mail.items()},
            "type": mail.get_content_type(),
            "text": part(mail, "text/plain"),
            "html": part(mail, "text/html"),
            "entry": part(mail, "text/calendar"),
            "defects": [str(defect) for defect in mail.defects],
        }
        print(json.dumps(seen), file=self.file, flush=True)
        if answer == "drop":
            server.transport.abort()
            return "421 dropped"
        return "250 taken" if answer == "ok" else answer


def guarded(secured):
    """What the server asks for, and what encrypts from the start."""
    # It warns of asking for a password without STARTTLS, also when all is encrypted from the start.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(secured["certificate"], secured["key"])
    login = (secured["user"].encode(), secured["password"].encode())

    def known(server, session, envelope, mechanism, data):
        # A careless server, which repeats what it was given.
        message = f"535 5.7.8 no such user with {data.password.decode()}"
        if (data.login, data.password) != login:
            return AuthResult(success=False, handled=False, message=message)
        return AuthResult(success=True, auth_data=data.login.decode())

    from_start = secured["from_start"]
    asks = {
        "authenticator": known,
        "auth_required": True,
        "auth_require_tls": not from_start,
        "tls_context": None if from_start else context,
        "require_starttls": not from_start,
    }
    return asks, context if from_start else None


async def main():
    asks, context = guarded(json.loads(sys.argv[3])) if len(sys.argv) > 3 else ({}, None)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        sink = Sink(json.loads(sys.argv[1]), file)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(sink, hostname="sink.example", loop=loop, **asks),
            "127.0.0.1",
            0,
            ssl=context,
        )
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
