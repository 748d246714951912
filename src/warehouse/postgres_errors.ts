import { describeError } from "../errors.ts";

/** SQLSTATEs and errors of the socket that a wrong setting causes: what is wrong, and what to do. */
const explanations: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses connections; start it, or correct the host and port in DATABASE_URL",
  ECONNRESET: "closed the connection; see its log, or correct the host and port in DATABASE_URL",
  ENOTFOUND: "cannot be found: its host has no address; correct the host in DATABASE_URL",
  EAI_AGAIN: "cannot be found: its host has no address; correct the host in DATABASE_URL",
  ETIMEDOUT: "does not answer; correct the host and port in DATABASE_URL, or let connections through",
  EHOSTUNREACH: "cannot be reached; correct the host in DATABASE_URL, or let connections through",
  ENETUNREACH: "cannot be reached; correct the host in DATABASE_URL, or let connections through",
  "28P01": "refused the user or the password; correct them in DATABASE_URL",
  "28000": "does not let this user in; correct the user in DATABASE_URL, or the server's pg_hba.conf",
  "3D000": "has no such database; create it, or correct the database in DATABASE_URL",
  "3F000": "has no such schema; create it, or use another database in DATABASE_URL",
  "25006": "is read-only; name the primary server in DATABASE_URL",
  "42501": "does not let this user do what is needed; grant it, or use another user in DATABASE_URL",
  "53300": "has no connection left; raise its max_connections, or stop other clients",
  "57P03": "is starting up or shutting down; try again when it is ready",
};

/** Why Postgres could not be opened, to follow its name in a sentence. Never holds the password. */
export function explainPostgresError(error: unknown): string {
  const root = rootOf(error);
  const code = (root as { code?: unknown }).code;
  const text = describeError(error);
  if (typeof code === "string" && explanations[code]) return `${explanations[code]} (${text})`;
  if (/client password must be/.test(text)) return "asks for a password; add it to DATABASE_URL";
  if (/timeout/i.test(text)) return `${explanations.ETIMEDOUT} (${text})`;
  if (/SSL/.test(text)) return `cannot agree on TLS; correct sslmode in DATABASE_URL (${text})`;
  return `cannot be used: ${text}`;
}

/** A host with several addresses fails with an error for each: the first will do. */
function rootOf(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error ?? {};
}
