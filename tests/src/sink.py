"""A mail server for tests: answers as planned, and writes down what it understood.

Usage: python3 sink.py PLAN FILE. PLAN is a JSON object: for the first, second ... message seen
("0", "1" ...; attempts of one Message-ID are one message) the answers to its attempts, the last of
them for all further ones. "ok" takes the message, "drop" takes it and breaks the connection before
saying so, anything else is the reply. FILE gets one JSON object for each attempt. The port is
printed once the server listens.
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP


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


async def main():
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        sink = Sink(json.loads(sys.argv[1]), file)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(sink, hostname="sink.example", loop=loop), "127.0.0.1", 0
        )
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
