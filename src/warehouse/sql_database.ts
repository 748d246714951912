/**
 * What the SQL of the warehouse is written against, so that a server and the embedded database share all of it: a
 * database that speaks Postgres's SQL, and sessions with it. Errors are the client's own, with the SQLSTATE in `code`.
 */
export interface SqlDatabase {
  readonly kind: "postgres" | "embedded";

  /** A session of the caller's own until it is released. Connects when none is idle; throws when it cannot. */
  session(): Promise<SqlSession>;

  /** One line for people about where it is, without secrets. `version` is what the server says of itself. */
  describe(version: string): string;

  close(): Promise<void>;
}

export interface SqlSession {
  /** Names of temporary tables that this session has; they go with it. */
  readonly staged: Set<string>;

  /** Runs one statement with parameters. */
  query(text: string, parameters?: readonly SqlParameter[]): Promise<readonly SqlRow[]>;

  /**
   * Runs statements in one message, without waiting in between, and stops at the first that fails. Each
   * `COPY ... FROM STDIN` among them takes the next of `copies`, whose bytes are only read. Gives a tag for each
   * statement, as the database words it: `INSERT 0 5`, `COMMIT`.
   */
  run(text: string, copies?: readonly (readonly Uint8Array[])[]): Promise<readonly string[]>;

  /** Gives the session back. A session that is not sound, or is in a transaction of unknown state, is dropped. */
  release(sound: boolean): void;
}

export type SqlParameter = string | number | boolean | null;
export type SqlRow = Readonly<Record<string, unknown>>;

/** The SQLSTATE of an error that the database gave; undefined for any other. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Runs `work` in a session; whatever it leaves open when it throws is rolled back. */
export async function withSession<T>(
  database: SqlDatabase,
  work: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const session = await database.session();
  try {
    const result = await work(session);
    session.release(true);
    return result;
  } catch (error) {
    // A temporary table may have been made in what is rolled back now.
    session.staged.clear();
    await session.run("rollback").then(() => session.release(true), () => session.release(false));
    throw error;
  }
}
