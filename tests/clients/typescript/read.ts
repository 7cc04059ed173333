// Reads a transaction and a list with the client that is generated from docs/openapi.json.
// `paths` is the generated part; the compiler holds every name and type here against it.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2]! });

const { data: transaction, error } = await client.GET("/v1/transactions/{source}/{id}", {
  params: { path: { source: "imprint", id: "demo-late-update" } },
});
if (!transaction) throw new Error(error.code);
const status: components["schemas"]["TransactionStatus"] = transaction.status;
const outcomes: components["schemas"]["StepOutcome"][] = transaction.steps.map((step) => step.outcome);
console.log(status, transaction.captured, transaction.currency, outcomes.join(","));

const { data: page } = await client.GET("/v1/exceptions", {
  params: { query: { source: "imprint", severity: "high" } },
});
console.log(page?.items.map((exception) => exception.code).sort().join(","));

const { data: nothing, error: problem } = await client.POST("/v1/charges/{source}/{id}/void", {
  params: { path: { source: "imprint", id: "demo-charge" } },
  body: { reason: "imprint has no charges" },
});
if (nothing) throw new Error("it was voided");
console.log(problem.code);
