"""Verifies a notification as its receiver would: secret, headers and body are in files."""

import json
import pathlib
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

secret = pathlib.Path("secret.txt").read_text()
headers = json.loads(pathlib.Path("headers.json").read_text())
body = pathlib.Path("body.json").read_bytes()

told = Webhook(secret).verify(body.decode(), headers)
print("verified", told["type"])

try:
    Webhook(secret).verify(body.decode() + " ", headers)
except WebhookVerificationError:
    print("refused what was changed")
else:
    sys.exit("what was changed is verified")
