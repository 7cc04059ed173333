"""Reads a transaction and a list with the client that is generated from docs/openapi.json."""

import importlib
import pkgutil
import sys

import creditrail_client
from creditrail_client import Client
from creditrail_client.api.things import get_transaction, void_charge
from creditrail_client.api.work import list_exceptions
from creditrail_client.models import ExceptionPage, Problem, Severity, Transaction, VoidCharge

# All of it can be imported, not only what is used here.
for module in pkgutil.walk_packages(creditrail_client.__path__, "creditrail_client."):
    importlib.import_module(module.name)

client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)

transaction = get_transaction.sync("imprint", "demo-late-update", client=client)
assert isinstance(transaction, Transaction), transaction
outcomes = ",".join(step.outcome for step in transaction.steps)
print(transaction.status, transaction.captured, transaction.currency, outcomes)

page = list_exceptions.sync(client=client, source="imprint", severity=Severity.HIGH)
assert isinstance(page, ExceptionPage), page
print(",".join(sorted(exception.code for exception in page.items)))

body = VoidCharge(reason="imprint has no charges")
problem = void_charge.sync("imprint", "demo-charge", client=client, body=body)
assert isinstance(problem, Problem), problem
print(problem.code)
