/**
 * Whether a server serves clients: an open port is not enough, so each is asked by a client of its own. One attempt
 * each, which throws when the answer is no.
 */
export async function kafkaAnswers(addresses: string): Promise<void> {
  const { Kafka, logLevel } = await import("kafkajs");
  const admin = new Kafka({
    brokers: addresses.split(","),
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
    logLevel: logLevel.NOTHING,
  }).admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    if (brokers.length === 0) throw new Error("No broker has joined the cluster yet");
  } finally {
    await admin.disconnect();
  }
}

export async function cassandraAnswers(address: string): Promise<void> {
  const { default: { Client } } = await import("cassandra-driver");
  const client = new Client({ contactPoints: [address], localDataCenter: "datacenter1" });
  try {
    await client.connect();
  } finally {
    await client.shutdown();
  }
}

export async function postgresAnswers(url: string): Promise<void> {
  const { default: { Client } } = await import("pg");
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.query("select 1");
  } finally {
    await client.end();
  }
}
