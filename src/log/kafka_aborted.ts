/** What kafkajs has fetched from a partition, as far as transactions are concerned. */
export interface FetchedPartition {
  abortedTransactions?: readonly AbortedTransaction[] | null;
  readonly messages: readonly FetchedMessage[];
}

interface AbortedTransaction {
  readonly producerId: string;
  readonly firstOffset: string;
}

interface FetchedMessage {
  readonly offset: string;
  readonly key: Uint8Array | null;
  /** kafkajs gives no such message on, and counts its offset as passed. */
  isControlRecord?: boolean;
  readonly batchContext?: { readonly producerId: string; readonly inTransaction: boolean };
}

interface FetchResponse {
  readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[];
}

/** kafkajs's connection to a broker. */
export interface FetchingBroker {
  fetch(request: unknown): Promise<FetchResponse>;
}

/**
 * Hides aborted records in all that kafkajs fetches. The filter of kafkajs 2.2.4 lets some pass: it takes the broker's list
 * of aborted transactions for sorted, though it is in the order of their ends, and looks at one of them for each record.
 */
export function hideAborted(broker: FetchingBroker): void {
  const { fetch } = broker;
  broker.fetch = async function (this: unknown, request) {
    const response = await fetch.call(this, request);
    for (const { partitions } of response.responses) partitions.forEach(hideAbortedIn);
    return response;
  };
}

/** From an aborted transaction's first offset up to its marker, all of its producer's transactional records are aborted. */
export function hideAbortedIn(partition: FetchedPartition): void {
  const { abortedTransactions, messages } = partition;
  if (!abortedTransactions || abortedTransactions.length === 0) return;
  const coming = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) }))
    .sort((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<string>();
  let next = 0;
  for (const message of messages) {
    const offset = Number(message.offset);
    for (; next < coming.length && coming[next]!.firstOffset <= offset; next++) {
      aborting.add(coming[next]!.producerId);
    }
    const { producerId, inTransaction } = message.batchContext ?? {};
    if (producerId === undefined || !inTransaction) continue;
    // A marker ends the transaction, whichever it is: that of the producer that was aborted is the first to come.
    if (message.isControlRecord) aborting.delete(producerId);
    else if (aborting.has(producerId)) message.isControlRecord = true;
  }
  partition.abortedTransactions = [];
}
